"""jeeves-runner: a declarative job runner. YAML in git becomes scheduled, recorded runs."""

__version__ = "0.1.0"
