"""Durations and sizes as people write them: ``500ms 30s 5m 1h30m 2d``, ``512MiB 2GiB``."""

import re

from jeeves_runner.core.values import MAX_SPAN_MS
from jeeves_runner.core.wording import brief

UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

_PART = re.compile(r"([0-9]+)(ms|[smhd])")
_DURATION = re.compile(r"(?:[0-9]+(?:ms|[smhd]))+")
_SIZE = re.compile(r"([0-9]+)(B|KiB|MiB|GiB|TiB)")
_SIZE_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}


def is_duration(text: str) -> bool:
    """Whether a text is meant as a length of time, be it an acceptable one or not."""
    return _DURATION.fullmatch(text) is not None


def parse_duration(text: str) -> int:
    """Milliseconds of a text such as ``1h30m``: whole numbers, units from large to small, each once.

    ValueError with a sentence for anything else, and for more than ten years.
    """
    if not is_duration(text):
        raise ValueError(f'"{brief(text)}" is no duration; write one like "30s", "5m" or "1h30m"')
    total, last = 0, MAX_SPAN_MS
    for number, unit in _PART.findall(text):
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


def parse_size(text: str) -> int:
    """Bytes of a text such as ``512MiB``; ValueError with a sentence for anything else."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f'"{brief(text)}" is no size; write one like "512MiB" or "2GiB"')
    return int(match[1][:20]) * _SIZE_UNITS[match[2]]
