"""Strips: how many of one kind there were, half hour by half hour, as the columns of a small picture."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from jeeves_runner.api.past_ends import Slot
from jeeves_runner.clock import to_text
from jeeves_runner.core.model import BAD
from jeeves_runner.dashboard.look import Tone, tone

_WIDTH: Final = 6
"""Units from one column to the next, of which one is between them."""

_HEIGHT: Final = 24
_LEAST: Final = 3
"""Units that a single one is high, so that it is seen beside thousands."""

_KINDS: Final = (
    ("ok",),
    tuple(BAD),
    ("missed",),
    ("skipped", "cancelled"),
)
"""What stands in one strip, in their order."""


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
    counts: Sequence[int]
    """How many by half hours, the oldest first."""
    begin: str
    """When the first of them begins."""
    width: int
    """Units of the whole picture ..."""
    height: int
    """... and how many it is high."""
    path: str
    """All columns, as one path of SVG: with a node for each of them it takes a tenth longer until the page is
    shown."""


_NAMES: Final = {("skipped", "cancelled"): "skipped or cancelled", tuple(BAD): "failed"}


def strips(slots: Sequence[Slot]) -> list[Strip]:
    """The strips of what there was at all; that of what went well always."""
    found = [_strip(kinds, slots) for kinds in _KINDS]
    return [strip for strip in found if strip.total or strip.name == "ok"]


def _strip(kinds: Sequence[str], slots: Sequence[Slot]) -> Strip:
    counts = [sum(slot.ended.get(kind, 0) for kind in kinds) for slot in slots]
    most = max(counts, default=0)
    path = "".join(_column(place, count, most) for place, count in enumerate(counts) if count)
    return Strip(
        tone=tone(kinds[0]),
        name=_NAMES.get(tuple(kinds), kinds[0]),
        total=sum(counts),
        most=most,
        counts=counts,
        begin=to_text(slots[0].begin),
        width=len(counts) * _WIDTH,
        height=_HEIGHT,
        path=path,
    )


def _column(place: int, count: int, most: int) -> str:
    height = max(_LEAST, round(count / most * _HEIGHT))
    return f"M{place * _WIDTH} {_HEIGHT}v-{height}h{_WIDTH - 1}v{height}z"
