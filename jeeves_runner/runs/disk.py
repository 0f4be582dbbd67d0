"""Whether there is room on the disk for another run."""

import shutil
from pathlib import Path

from jeeves_runner.clock import Clock

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
                self._full = shutil.disk_usage(self._folder).free < self._min_free
            except OSError:
                self._full = False  # a missing folder is another fault, with a message of its own
        return self._full
