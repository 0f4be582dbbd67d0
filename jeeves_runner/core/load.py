"""How many runs start in each minute, and which minute is the worst."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple


class Peak(NamedTuple):
    """The minute in which most runs start."""

    minute: datetime
    """When it begins; aware, UTC. Of several the first."""
    starts: int
    """How many start in it."""


Load = Mapping[datetime, int]
"""Starts by the minute in which they fall; a minute without any is not in it."""


def per_minute(starts: Iterable[datetime]) -> Load:
    """The starts of each minute, in the order in which minutes first appear."""
    return Counter(start.replace(second=0, microsecond=0) for start in starts)


def peak(load: Load) -> Peak | None:
    """The worst minute; None if nothing starts."""
    if not load:
        return None
    minute = min(load, key=lambda each: (-load[each], each))
    return Peak(minute, load[minute])
