"""Starts per minute as a chart of characters, within 80 columns."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Final

from jeeves_runner.core.instants import on_clocks

BLOCKS: Final = "▁▂▃▄▅▆▇█"
PLAIN: Final = ".:-=+*#@"
"""The same for terminals that have only ASCII."""

_MINUTE: Final = timedelta(minutes=1)
_LONGEST_BY_HOUR: Final = timedelta(hours=49)
"""Up to here each line is an hour, and each column a minute of it."""
_HALF_HOUR: Final = 30
_THOUSANDS: Final = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))


@dataclass(slots=True)
class _Line:
    """One line of a chart."""

    label: str
    """What stands before it."""
    columns: list[int]
    """The most starts in a minute of each."""
    starts: int = field(default=0)
    """All starts of it."""


def load_chart(
    load: Mapping[datetime, int], begin: datetime, end: datetime, zone: tzinfo, levels: str = BLOCKS
) -> Iterator[str]:
    """The lines of a chart of [``begin``, ``end``), with a heading and a legend; times on a zone's clocks.

    Each line is an hour with a column for each minute, or of a longer time a day with one for each half hour,
    as high as its worst minute.
    """
    by_hour = end - begin <= _LONGEST_BY_HOUR
    highest = max(load.values(), default=0)
    yield _heading(by_hour)
    for each in _lines(load, begin, end, zone, by_hour):
        bars = "".join(_bar(starts, highest, levels) for starts in each.columns)
        yield f"{each.label} {bars} {_short(each.starts)}".rstrip()
    column = "a minute" if by_hour else "the worst minute of a half hour"
    if highest:
        yield ""
        yield f"Each column is {column}; at the right stand all starts."
        yield f"{_legend(highest, levels)}."


def _lines(
    load: Mapping[datetime, int], begin: datetime, end: datetime, zone: tzinfo, by_hour: bool
) -> Iterable[_Line]:
    """By local hours or days. An hour that clocks repeat has a line for each time."""
    lines: dict[tuple[str, timedelta | None], _Line] = {}
    minute = begin.replace(second=0, microsecond=0)
    while minute < end:
        local = on_clocks(minute, zone)
        label = f"{local:%m-%d %H}:00" if by_hour else f"{local:%a %m-%d}"
        key = label, local.utcoffset() if by_hour else None
        if key not in lines:
            lines[key] = _Line(label, [0] * (60 if by_hour else 48))
        column = local.minute if by_hour else (local.hour * 60 + local.minute) // _HALF_HOUR
        starts = load.get(minute, 0)
        lines[key].columns[column] = max(lines[key].columns[column], starts)
        lines[key].starts += starts
        minute += _MINUTE
    return lines.values()


def _heading(by_hour: bool) -> str:
    """The minutes of an hour, or the hours of a day, above their columns."""
    if by_hour:
        return " " * 12 + "".join(f":{minute:02}".ljust(10) for minute in range(0, 60, 10)).rstrip()
    return " " * 10 + "".join(f"{hour:02}:00".ljust(8) for hour in range(0, 24, 4)).rstrip()


def _bar(starts: int, highest: int, levels: str) -> str:
    return levels[_level(starts, highest, len(levels)) - 1] if starts else " "


def _level(starts: int, highest: int, levels: int) -> int:
    """From 1 to ``levels``, rounded up."""
    return -(-starts * levels // highest)


def _legend(highest: int, levels: str) -> str:
    """What the lowest and the highest bar in use stand for."""
    lowest = levels[_level(1, highest, len(levels)) - 1]
    last_of_lowest, first_of_highest = highest // len(levels), highest * (len(levels) - 1) // len(levels) + 1
    top = f"{levels[-1]} is {_range(first_of_highest, highest)}"
    return top if lowest == levels[-1] else f"{lowest} is {_range(1, last_of_lowest)}, {top}"


def _range(first: int, last: int) -> str:
    return f"{first:,} to {last:,}" if first < last else f"{first:,}"


def _short(number: int) -> str:
    """At most five characters: 99999, 100k, 36.0M."""
    for unit, name in _THOUSANDS:
        if number >= unit * (100 if unit == 1_000 else 1):
            amount = number / unit
            return f"{amount:.0f}{name}" if amount >= 100 else f"{amount:.1f}{name}"
    return str(number)
