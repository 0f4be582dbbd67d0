"""How a flood becomes few messages: what goes alone, and what waits for the end of its minute."""

from datetime import datetime, timedelta
from typing import Final, Literal

ALONE: Final = 10
"""How many of a kind go alone on a channel in one minute."""

MINUTE: Final = timedelta(minutes=1)

Kind = Literal["news", "success", "reply"]
"""What opens or just happened; what went well, which takes no place from that; or what is said of something
that people know already."""

_WORDS: Final = {"news": "minute", "success": "successes", "reply": "replies"}


def minute_of(now: datetime) -> datetime:
    """The beginning of its minute."""
    return now.replace(second=0, microsecond=0)


def bundle_of(already: int, now: datetime, kind: Kind) -> tuple[str, datetime] | None:
    """The bundle of what is said now, by name, and when it goes; None: it goes alone, and at once.

    ``already``: how many of its kind have gone alone on its channel in this minute (UTC).
    """
    if already < ALONE:
        return None
    minute = minute_of(now)
    return f"{_WORDS[kind]} {minute.isoformat()[: len('2026-11-24T03:03')]}", minute + MINUTE
