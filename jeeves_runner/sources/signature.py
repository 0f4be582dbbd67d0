"""What stands at a path, told cheaply: enough to notice that it has changed, not what it holds."""

import os

Signature = tuple[int, ...] | None
"""``(device, inode, mode, time of the last change)``; None where nothing can be seen."""


def signature(path: str) -> Signature:
    """The signature of what a path leads to."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino, found.st_mode, found.st_ctime_ns)
