"""The graph of jobs and nodes as a value, and what follows from it: values in, values out."""
