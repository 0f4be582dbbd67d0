"""How long a channel that fails is left alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

FIRST: Final = 1.0
LONGEST: Final = 300.0
"""Seconds."""


def rest(failures: int, retry_after: float | None, random: Callable[[], float]) -> timedelta:
    """How long after this many failures in a row (1 at least) nothing is sent: from 1 s on twice as long each
    time, up to 5 min, by up to a fifth less or more. What the channel itself asks for is kept to, but for
    less than ``FIRST``: a channel that always says so would be called without an end.

    ``random`` gives numbers from 0 up to 1.
    """
    if retry_after is not None and retry_after >= FIRST:
        return timedelta(seconds=retry_after)
    seconds = min(FIRST * 2 ** min(failures - 1, 20), LONGEST)
    return timedelta(seconds=seconds * (0.8 + 0.4 * random()))
