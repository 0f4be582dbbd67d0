"""Whether there is room on the disks for another run."""

import asyncio
import logging
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from jeeves_runner.core.durations import format_size
from jeeves_runner.side_thread import PATIENCE, SideThread
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

MIN_INODES: Final = 1_000
"""Files that a file system must have room for: a run makes some, and free bytes do not help to make one."""

_INTERVAL = 1.0
"""Seconds between two looks."""


class DiskGuard:
    """Says when less than ``min_free`` bytes, or MIN_INODES files, are left where one of ``folders`` is.

    The answer is that of the last look. A look is made beside the event loop: a disk may hang, and counts as
    it was then.
    """

    def __init__(self, folders: Sequence[Path], min_free: int, *, patience: float = PATIENCE) -> None:
        """A disk hangs that has not answered for ``patience`` seconds."""
        self._disks = [_Disk(folder, min_free, patience) for folder in dict.fromkeys(folders)]
        self._shortage: str | None = None
        self._lack = Trouble(log, over="there is room on the disk again: runs start")

    def __call__(self) -> bool:
        """Whether no run may start for want of room."""
        return self._lack.lasts

    @property
    def shortage(self) -> str | None:
        """What is lacking, in words; None: there is room."""
        return self._shortage

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_INTERVAL)

    async def look(self) -> None:
        """Look at all disks."""
        shortages = await asyncio.gather(*(disk.shortage() for disk in self._disks))
        self._shortage = next(filter(None, shortages), None)
        if self._shortage is None:
            self._lack.over()
        else:
            self._lack.met(f"{self._shortage}: no run starts until there is room")


class _Disk:
    """Where one folder is."""

    def __init__(self, folder: Path, min_free: int, patience: float) -> None:
        self._patience = patience
        self._folder = folder
        self._min_free = min_free
        self._thread = SideThread("room on the disk")
        self._silence = Trouble(log, over=f"the disk of {folder} answers again")
        self._shortage: str | None = None

    async def shortage(self) -> str | None:
        """What is lacking, in words."""
        try:
            look = partial(_shortage, self._folder, self._min_free)
            self._shortage = await self._thread.call(look, self._patience)
        except TimeoutError:
            self._silence.met(f"the disk of {self._folder} does not answer")
            return self._shortage
        except OSError:
            self._shortage = None  # a missing folder is another fault, with a message of its own
        self._silence.over()
        return self._shortage


def _shortage(folder: Path, min_free: int) -> str | None:
    found = os.statvfs(folder)
    if found.f_bavail * found.f_frsize < min_free:
        return f"less than {format_size(min_free)} is free where {folder} is"
    # Some file systems have no fixed number of files, and say so by none at all.
    if found.f_files and found.f_favail < MIN_INODES:
        return f"there is room for less than {MIN_INODES} more files where {folder} is"
    return None
