"""The graph of jobs and nodes as a value, and what can be told of it."""
