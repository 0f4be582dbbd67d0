"""Waiting for what another process does, by looking again and again."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

INTERVAL: Final = 0.05
"""Seconds between two looks; each costs some microseconds."""


def polled(look: Callable[[], T | None]) -> T:
    """The first answer of ``look`` that is not None; Ctrl-C ends the wait."""
    while (found := look()) is None:
        time.sleep(INTERVAL)
    return found
