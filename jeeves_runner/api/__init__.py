"""HTTP on loopback: the same documents as ``--json``, and a few ways to act."""
