"""Strips: how many of one kind there were, half hour by half hour, as the columns of a small picture."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from jeeves_runner.api.past_ends import Slot
from jeeves_runner.clock import to_text
from jeeves_runner.core.model import BAD
from jeeves_runner.dashboard.look import Tone, tone

WIDTH: Final = 6
HEIGHT: Final = 24
_LEAST: Final = 3
"""Units that a single one is high, so that it is seen beside thousands."""

_KINDS: Final = (
    ("ok",),
    tuple(BAD),
    ("missed",),
    ("skipped", "cancelled"),
)
"""What stands in one strip, in their order."""


class Column(NamedTuple):
    """One half hour of a strip."""

    begin: str
    """When it begins."""
    x: int
    """Where it stands, in units from the left; it is one less than ``WIDTH`` wide."""
    ended: int
    """How many."""
    height: int
    """Units of ``HEIGHT``."""


class Strip(NamedTuple):
    """How many of one kind there were."""

    tone: Tone
    """How they look."""
    name: str
    """What they are called: ``ok``, ``failed``."""
    total: int
    """All of them."""
    most: int
    """As many as there were in one half hour: its column is the highest."""
    columns: Sequence[Column]
    """By half hours, the oldest first."""


_NAMES: Final = {("skipped", "cancelled"): "skipped or cancelled", tuple(BAD): "failed"}


def strips(slots: Sequence[Slot]) -> list[Strip]:
    """The strips of what there was at all; that of what went well always."""
    found = [_strip(kinds, slots) for kinds in _KINDS]
    return [strip for strip in found if strip.total or strip.name == "ok"]


def _strip(kinds: Sequence[str], slots: Sequence[Slot]) -> Strip:
    counts = [sum(slot.ended.get(kind, 0) for kind in kinds) for slot in slots]
    most = max(counts, default=0)
    columns = [
        Column(to_text(slot.begin), place * WIDTH, count, _height(count, most))
        for place, (slot, count) in enumerate(zip(slots, counts, strict=True))
    ]
    return Strip(tone(kinds[0]), _NAMES.get(tuple(kinds), kinds[0]), sum(counts), most, columns)


def _height(count: int, most: int) -> int:
    return 0 if not count else max(_LEAST, round(count / most * HEIGHT))
