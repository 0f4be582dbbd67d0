"""What runs print: masked, decoded, searched, kept in part, and written to logs."""
