"""What stands at a path, in a few numbers: whether something has changed there can be seen without reading.

For places that no notification covers: what links lead to, scripts that are missing, a lock.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from jeeves_runner.side_thread import SideThread

FileStamp = tuple[int, ...] | None
"""``(device, inode, mode, change time in ns)`` of what a path leads to; None where nothing can be seen.
Another stamp means that something has changed there; it says nothing of what the file holds."""

GLANCE: Final = 1.0
"""Seconds between two glances at what gives no hint."""


def stamp_of(path: str) -> FileStamp:
    """The stamp of what stands at a path now."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino, found.st_mode, found.st_ctime_ns)


class Places:
    """Places that a fault hangs on, and what stood there when it was met. A change may mend it."""

    def __init__(self, thread: SideThread) -> None:
        """``thread`` looks at them."""
        self._thread = thread
        self._places: Mapping[str, FileStamp] = {}

    def note(self, places: Mapping[str, FileStamp]) -> None:
        """Take these in the place of all others."""
        self._places = places

    async def has_changed(self) -> bool:
        """Whether there is a change since they were noted. Told once: then nothing is noted any more.

        Not while their file system does not answer.
        """
        places, found = self._places, False
        if places:
            with suppress(OSError):
                found = await self._thread.call(lambda: _is_different(places))
        if not found or places is not self._places:
            return False
        self._places = {}
        return True


def _is_different(places: Mapping[str, FileStamp]) -> bool:
    return any(stamp_of(path) != stamp for path, stamp in places.items())
