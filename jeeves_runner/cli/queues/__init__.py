"""The subcommands of ``queue``, by subject."""
