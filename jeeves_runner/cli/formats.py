"""Values as people read them: counts, lengths of time, times, sizes, JSON, commits."""

import json
import shlex
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Final, NamedTuple

from jeeves_runner.clock import from_text
from jeeves_runner.core.durations import in_units
from jeeves_runner.core.instants import on_clocks
from jeeves_runner.core.wording import counted, on_one_line, shortened

__all__ = [
    "NONE",
    "TimeColumn",
    "ago",
    "command_text",
    "counted",
    "duration",
    "is_offset",
    "json_text",
    "moment",
    "on_one_line",
    "relative",
    "shortened",
    "size",
    "time_column",
    "timestamp",
    "when",
]

NONE: Final = "-"
"""In place of a value that is not there."""

_CLOCK: Final = len("2026-11-24 03:03:35")


def duration(ms: int | None) -> str:
    """A length of time as ``core.durations.in_units`` has it."""
    return NONE if ms is None else in_units(ms)


def relative(then: datetime | None, now: datetime) -> str:
    """A time as seen from ``now``: ``in 3m``, ``in 2d 20h``, ``2h ago``, ``now`` (within half a second)."""
    if then is None:
        return NONE
    seconds = round((then - now).total_seconds())
    if seconds == 0:
        return "now"
    distance = in_units(abs(seconds) * 1_000, tenths=False)
    return f"in {distance}" if seconds > 0 else f"{distance} ago"


def timestamp(then: datetime | None) -> str:
    """A time to the second with its zone: ``2026-11-24 03:03:35Z``, in the zone it carries."""
    if then is None:
        return NONE
    text = then.isoformat(sep=" ", timespec="seconds")
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def ago(text: str | None, now: datetime) -> str:
    """A time of a document as seen from now."""
    if text is None:
        return NONE
    try:
        return relative(from_text(text), now)
    except ValueError:  # changed by hand: shown as it stands
        return text


def moment(text: str | None, zone: tzinfo) -> str:
    """A time of a document on the clocks of a zone."""
    if text is None:
        return NONE
    try:
        return timestamp(on_clocks(from_text(text), zone))
    except ValueError:  # as above
        return text


class TimeColumn(NamedTuple):
    """Times of a table on the clocks of one zone."""

    header: str
    """With the offset of these clocks, where all times have the same: ``TIME (+01:00)``."""
    cells: list[str]
    """With their own offsets, where they differ."""


def time_column(name: str, texts: Iterable[str | None], zone: tzinfo) -> TimeColumn:
    """Times of documents as a column of a table. A time without an offset can be given to a command as it is:
    what it shows on some clocks, it reads on them."""
    whole = [moment(text, zone) for text in texts]
    offsets = {cell[_CLOCK:] for cell in whole if cell != NONE}
    if len(offsets) != 1 or not is_offset(offset := offsets.pop()):
        return TimeColumn(name, whole)
    named = "UTC" if offset == "Z" else offset
    return TimeColumn(f"{name} ({named})", [cell[:_CLOCK] for cell in whole])


def is_offset(text: str) -> bool:
    """Whether a text is what follows the seconds of a time."""
    return text == "Z" or (text[:1] in "+-" and text[1:].replace(":", "").isdigit())


def when(text: str | None, now: datetime, zone: tzinfo) -> str:
    """A time of a document, both ways: ``2026-03-01 12:00:00Z (3h ago)``."""
    if text is None:
        return NONE
    try:
        return f"{moment(text, zone)} ({relative(from_text(text), now)})"
    except ValueError:
        return text


def size(count: int | None) -> str:
    """A number of bytes as ``512 B``, ``3.4 MiB``."""
    if count is None:
        return NONE
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def json_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def command_text(words: Sequence[str]) -> str:
    """An argv as one would type it."""
    return shlex.join(words)
