"""How long a service wants to be left alone."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Final

LONGEST: Final = 3600.0
"""Seconds; a service that says more is asked again after this."""


def retry_after(written: str | None, now: datetime, longest: float = LONGEST) -> float | None:
    """Seconds of a header ``Retry-After``, which has seconds or a date (RFC 9110, 10.2.3), and ``longest`` at
    most; None for none."""
    if written is None:
        return None
    try:
        seconds = float(written)
    except ValueError:
        try:
            then = parsedate_to_datetime(written)
        except ValueError:
            return None
        seconds = ((then if then.tzinfo else then.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(seconds, 0.0), longest) if isfinite(seconds) else None
