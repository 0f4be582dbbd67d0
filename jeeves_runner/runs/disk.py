"""Whether there is room on the disk for another run."""

import logging
import shutil
from pathlib import Path

from jeeves_runner.clock import Clock

log = logging.getLogger(__name__)

_INTERVAL = 1.0
"""Seconds for which an answer holds."""


class DiskGuard:
    """Says when less than ``min_free`` bytes are left where ``folder`` is."""

    def __init__(self, folder: Path, min_free: int, clock: Clock) -> None:
        self._folder = folder
        self._min_free = min_free
        self._clock = clock
        self._looked_at: float | None = None
        self._full = False

    def __call__(self) -> bool:
        now = self._clock.monotonic()
        if self._looked_at is None or now - self._looked_at >= _INTERVAL:
            self._looked_at = now
            try:
                self._note(shutil.disk_usage(self._folder).free < self._min_free)
            except OSError:
                self._full = False  # a missing folder is another fault, with a message of its own
        return self._full

    def _note(self, full: bool) -> None:
        if full and not self._full:
            log.warning(
                "less than %d MiB is free where %s is: no run starts until there is room",
                self._min_free // 2**20,
                self._folder,
            )
        elif self._full and not full:
            log.info("there is room on the disk again: runs start")
        self._full = full
