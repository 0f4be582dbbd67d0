"""The future as a value: what would run, wait, be skipped and missed, by the decisions that are real."""
