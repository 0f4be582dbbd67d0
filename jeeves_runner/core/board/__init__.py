"""What runs and what waits at one moment, and whose turn it is: in memory, without rows."""
