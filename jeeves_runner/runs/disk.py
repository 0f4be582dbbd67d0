"""Whether there is room on the disks for another run."""

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from jeeves_runner.clock import Clock

log = logging.getLogger(__name__)

MIN_INODES: Final = 1_000
"""Files that a file system must have room for: a run makes some, and free bytes do not help to make one."""

_INTERVAL = 1.0
"""Seconds for which an answer holds."""


class DiskGuard:
    """Says when less than ``min_free`` bytes, or MIN_INODES files, are left where one of ``folders`` is."""

    def __init__(self, folders: Sequence[Path], min_free: int, clock: Clock) -> None:
        self._folders = folders
        self._min_free = min_free
        self._clock = clock
        self._looked_at: float | None = None
        self._full = False

    def __call__(self) -> bool:
        now = self._clock.monotonic()
        if self._looked_at is None or now - self._looked_at >= _INTERVAL:
            self._looked_at = now
            self._note(next(self._shortages(), None))
        return self._full

    def _shortages(self) -> Iterator[str]:
        for folder in self._folders:
            try:
                found = os.statvfs(folder)
            except OSError:
                continue  # a missing folder is another fault, with a message of its own
            if found.f_bavail * found.f_frsize < self._min_free:
                yield f"less than {self._min_free // 2**20} MiB is free where {folder} is"
            # Some file systems have no fixed number of files, and say so by none at all.
            if found.f_files and found.f_favail < MIN_INODES:
                yield f"there is room for less than {MIN_INODES} more files where {folder} is"

    def _note(self, shortage: str | None) -> None:
        if shortage is not None and not self._full:
            log.warning("%s: no run starts until there is room", shortage)
        elif self._full and shortage is None:
            log.info("there is room on the disk again: runs start")
        self._full = shortage is not None
