"""A wall clock of its own for a whole server, set by a test while the server runs. It needs a C compiler."""

import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from jeeves_runner.clock import SystemClock

_SOURCE = Path(__file__).with_suffix(".c")

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


class WrongClock:
    """``program`` puts it before a program; what it starts has the same clock."""

    def __init__(self, folder: Path) -> None:
        self._library = folder / "wrong_clock.so"
        self._file = folder / "wrong_clock"
        self._ahead = 0
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self._library, _SOURCE, "-ldl"], check=True)

    def program(self, *words: str) -> tuple[str, ...]:
        return ("env", f"LD_PRELOAD={self._library}", f"WRONG_CLOCK={self._file}", *words)

    def set(self, ahead: timedelta) -> None:
        """Set the clock: ahead of the machine's, or behind where negative."""
        self._ahead = round(ahead.total_seconds())
        fresh = self._file.with_suffix(".new")
        fresh.write_text(str(self._ahead))
        fresh.replace(self._file)

    def now(self) -> datetime:
        """What it says."""
        return SystemClock().now() + timedelta(seconds=self._ahead)
