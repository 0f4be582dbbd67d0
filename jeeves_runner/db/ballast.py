"""Disk space held in reserve, so that outcomes can be recorded when the disk is full."""

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from jeeves_runner.clock import Clock
from jeeves_runner.db.connection import real_path
from jeeves_runner.regular_files import replace

log = logging.getLogger(__name__)

FULL: Final = "the disk is full"

SIZE: Final = 16 * 1024 * 1024
"""Bytes: some hundred outcomes with all of their output."""

_INTERVAL = 10.0
"""Seconds between two checks for free space."""

_BLOCK = bytes(1024 * 1024)


class Ballast:
    """The reserve: a file ``<db>.ballast`` of ``size`` bytes, deleted when the disk is full.

    Used by the writer's thread only. Where the file cannot be made, the runner works without it.
    """

    def __init__(self, db_path: Path, clock: Clock, *, size: int = SIZE) -> None:
        real = real_path(db_path)
        self.path = real.with_name(f"{real.name}.ballast")
        self._clock = clock
        self._size = size
        self._held = False
        self._looked_at: float | None = None

    @property
    def is_held(self) -> bool:
        return self._held

    def hold(self) -> None:
        """Make the file if it is missing and twice its size is free; looks every ten seconds at most."""
        now = self._clock.monotonic()
        if self._held or (self._looked_at is not None and now - self._looked_at < _INTERVAL):
            return
        self._looked_at = now
        try:
            self._held = _is_whole(self.path, self._size) or self._make()
        except OSError as error:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
            log.warning("no room is kept for outcomes on a full disk: %s: %s", self.path, error.strerror)

    def make_room_to_start(self) -> None:
        """Delete the file if less is free than it takes to open the database and to settle what was left."""
        with suppress(OSError):
            if _is_whole(self.path, self._size) and _free(self.path.parent) < self._size // 2:
                self._held = True
                self.release()

    def release(self, why: str = FULL) -> bool:
        """Delete the file; False if there is none or it cannot be deleted. The log says ``why``."""
        if not self._held:
            return False
        self._held = False
        self._looked_at = self._clock.monotonic()
        try:
            self.path.unlink()
        except OSError as error:
            log.error("the room in %s could not be given up: %s", self.path, error.strerror)
            return False
        log.warning("%s: what ends is recorded in the %d MiB kept for it", why, self._size // 2**20)
        return True

    def _make(self) -> bool:
        if _free(self.path.parent) < 2 * self._size:
            return False
        fd = replace(self.path)
        try:
            _fill(fd, self._size)
        finally:
            os.close(fd)
        return True


def _free(folder: Path) -> int:
    """The bytes that are free where a folder is."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _is_whole(path: Path, size: int) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return found.st_size == size and found.st_blocks * 512 >= size


def _fill(fd: int, size: int) -> None:
    """Have the file system reserve ``size`` bytes; setting the file's length would reserve none."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
        return
    while size > 0:
        size -= os.write(fd, _BLOCK[:size])
