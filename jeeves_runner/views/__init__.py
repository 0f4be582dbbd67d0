"""What HTTP answers and ``--json`` prints, as objects made of JSON types alone.

Each function reads the database at one moment and returns the whole document of one route. Times
are text in the database's form, durations integers in milliseconds named ``…_ms``.
"""
