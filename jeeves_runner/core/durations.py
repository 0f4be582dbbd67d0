"""Lengths of time and sizes as people and scripts give them: ``500ms 30s 5m 1h30m 2d``, ``512MiB 2GiB``."""

import math
import re
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from jeeves_runner.clock import to_text
from jeeves_runner.core.wording import brief
from jeeves_runner.errors import InvalidValue

Span = str | float | timedelta
"""A length of time: a duration such as ``"5m"``, seconds, or a timedelta."""


class End(NamedTuple):
    """When something ends that a person has ended."""

    instant: datetime
    """Aware, UTC."""
    length_ms: int | None = None
    """How long it lasts, where that was said; None: the instant was named, and stays under any clock."""


MAX_SPAN_MS: Final = 10 * 365 * 86_400_000
"""Ten years, the longest length of time that may be given anywhere."""

UNITS_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

# Texts, compiled at their first use: every script pays for what is done when its client is imported.
_PART: Final = r"([0-9]+)(ms|[smhd])"
_DURATION: Final = r"(?:[0-9]+(?:ms|[smhd]))+"
DURATION_FORM: Final = "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"
"""What every duration matches, and nothing else but the empty text: for schemas. How long one may be, it does
not say."""

_SIZE: Final = r"([0-9]+)(B|KiB|MiB|GiB|TiB)"
_SIZE_UNITS: Final = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}


def is_duration(text: str) -> bool:
    """Whether a text has the form of a duration; its units may still be in the wrong order."""
    return re.fullmatch(_DURATION, text) is not None


def parse_duration(text: str) -> int:
    """Milliseconds of a text such as ``1h30m``: whole numbers, units from large to small, each once.

    ValueError with a sentence for anything else, and for more than ten years.
    """
    if not is_duration(text):
        raise ValueError(f'"{brief(text)}" is no duration; write one like "30s", "5m" or "1h30m"')
    total, last = 0, MAX_SPAN_MS
    for number, unit in re.findall(_PART, text):
        size = UNITS_MS[unit]
        if size >= last:
            raise ValueError(f'"{brief(text)}" is no duration: its units go from large to small, each once')
        last = size
        total += int(number[:20]) * size
    if total > MAX_SPAN_MS:
        raise ValueError(f'"{brief(text)}" is more than ten years')
    return total


def format_duration(ms: int) -> str:
    """The shortest text that ``parse_duration`` reads as ``ms``."""
    if ms == 0:
        return "0s"
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, ms = divmod(ms, UNITS_MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def in_units(ms: int, *, tenths: bool = True) -> str:
    """A length of time as people read it, in two units at most: ``340ms 1.2s 45s 4m 10s 2h 10m 4d 1h``.

    ``tenths``: whether fractions of a second are told below ten seconds; times are told from now without.
    """
    if ms < UNITS_MS["s"]:
        return f"{ms}ms"
    if tenths and ms < 10 * UNITS_MS["s"]:
        return f"{ms // 1_000}.{ms % 1_000 // 100}s"
    for name, smaller in (("d", "h"), ("h", "m"), ("m", "s")):
        if ms >= UNITS_MS[name]:
            rest = ms % UNITS_MS[name] // UNITS_MS[smaller]
            return f"{ms // UNITS_MS[name]}{name}" + (f" {rest}{smaller}" if rest else "")
    return f"{ms // UNITS_MS['s']}s"


def parse_size(text: str) -> int:
    """Bytes of a text such as ``512MiB``; ValueError with a sentence for anything else."""
    match = re.fullmatch(_SIZE, text)
    if match is None:
        raise ValueError(f'"{brief(text)}" is no size; write one like "512MiB" or "2GiB"')
    return int(match[1][:20]) * _SIZE_UNITS[match[2]]


def format_size(size: int) -> str:
    """The shortest text that ``parse_size`` reads as ``size`` bytes."""
    unit = next(name for name, one in reversed(_SIZE_UNITS.items()) if size % one == 0)
    return f"{size // _SIZE_UNITS[unit]}{unit}"


def span_ms(span: Span, what: str, *, minimum: int = 1) -> int:
    """Milliseconds of a span between ``minimum`` ms and ten years; fractions of one count as a whole.

    InvalidValue otherwise, its message beginning with ``what``.
    """
    ms = _exact_ms(span, what)
    if ms > MAX_SPAN_MS:
        raise InvalidValue(f"{what}: {span} is more than ten years")
    if not ms >= minimum:  # NaN is not either
        least = "not negative" if minimum == 0 else "longer than nothing"
        raise InvalidValue(f"{what} must be {least}, not {span}")
    return math.ceil(round(ms, 6))


def _exact_ms(span: Span, what: str) -> float:
    if isinstance(span, timedelta):
        return span / timedelta(milliseconds=1)
    if isinstance(span, str):
        try:
            return parse_duration(span)
        except ValueError as error:
            raise InvalidValue(f"{what}: {error}") from error
    if isinstance(span, bool) or not isinstance(span, int | float):
        raise InvalidValue(
            f"{what} is not a length of time: {span!r}", hint='write "5m", seconds, or a timedelta'
        )
    try:
        return float(span) * 1000
    except OverflowError:
        return math.inf


def text_after(now: datetime, ms: int) -> str:
    """The time ``ms`` after ``now`` (before it if negative), at most ten years away, as text."""
    return to_text(now + timedelta(milliseconds=max(-MAX_SPAN_MS, min(ms, MAX_SPAN_MS))))
