"""Numbers for programs that watch the runner from outside: counted, gathered and written."""
