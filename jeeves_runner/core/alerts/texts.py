"""Times, lengths of time and outputs as a message shows them."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jeeves_runner.core.durations import in_units
from jeeves_runner.core.instants import on_clocks

LAST_LINES: Final = 20
LAST_CHARS: Final = 2_500

_LONG: Final = 1 << 18
"""Characters of a line that are cleaned at once."""

SEQUENCE: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-~])"
)
"""What steers a terminal: CSI, OSC, strings and two-character sequences; see ECMA-48."""


def between(begin: datetime, end: datetime) -> str:
    """The time from one to the other, never less than none."""
    return in_units(max(0, round((end - begin).total_seconds() * 1_000)))


def zone_of(name: str) -> tzinfo:
    """UTC for a name that is none: manifests are checked, and rows may be changed by hand."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def moment(instant: datetime, zone: str) -> str:
    """On the clocks of a zone and in UTC: ``2026-11-29 03:00 Europe/Berlin (02:00 UTC)``."""
    local, utc = on_clocks(instant, zone_of(zone)), instant.astimezone(UTC)
    if local.utcoffset() == utc.utcoffset():
        return f"{_clock(utc)} UTC"
    other = _time(utc) if local.date() == utc.date() else _clock(utc)
    return f"{_clock(local)} {zone} ({other} UTC)"


def short_moment(instant: datetime, zone: str, now: datetime) -> str:
    """On the clocks of a zone, without the date where it is of the day of ``now``: ``03:00``."""
    local = on_clocks(instant, zone_of(zone))
    return _time(local) if local.date() == on_clocks(now, zone_of(zone)).date() else _clock(local)


def clean(text: str) -> str:
    """A text without what steers a terminal, turns the direction of writing, or cannot be shown.

    Line ends and tabs stay; of what a progress bar wrote over and over, the last stays.
    """
    text = SEQUENCE.sub("", text).replace("\r\n", "\n")
    return "\n".join(map(_shown, text.split("\n")))


def cleaned(pieces: Iterable[str]) -> Iterator[str]:
    """The same of a long text that comes in pieces. Of a very long line, and of a sequence that goes on over
    several lines, some may stay that would not in a short text."""
    rest = ""
    for piece in pieces:
        lines, newline, rest = (rest + piece).rpartition("\n")
        if newline:
            yield clean(lines + newline)
        elif len(rest) > _LONG:
            last = rest.rstrip("\r").rpartition("\r")
            if last[1]:  # what was written over goes, and the line may go on
                rest = rest[len(last[0]) + 1 :]
            else:
                yield clean(rest)
                rest = ""
    if rest:
        yield clean(rest)


def _shown(line: str) -> str:
    if line.isprintable():
        return line
    line = line.rstrip("\r").rpartition("\r")[2]
    return "".join(char for char in line if char.isprintable() or char == "\t")


def last_lines(text: str | None) -> str | None:
    """The end of an output, cleaned, at most ``LAST_LINES`` and ``LAST_CHARS``; None where it is blank."""
    if text is None:
        return None
    lines = clean(text[-4 * LAST_CHARS :]).rstrip().split("\n")[-LAST_LINES:]
    end = "\n".join(line.rstrip() for line in lines)[-LAST_CHARS:].strip("\n")
    return end or None


def _clock(local: datetime) -> str:
    return f"{local:%Y-%m-%d} {_time(local)}"


def _time(local: datetime) -> str:
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
