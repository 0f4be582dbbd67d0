"""How many tokens the runs of a job may use in a day, and what is left of them."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jeeves_runner.core.instants import on_clocks


class Day(NamedTuple):
    """A calendar day of a time zone. Both ends are aware, UTC."""

    begin: datetime
    """Its first instant: midnight, or the end of what is skipped there."""
    end: datetime
    """The first instant of the next day."""


class TokenUse(NamedTuple):
    """What the runs of a job have used of a day's tokens."""

    used: int
    """By all runs that started on that day, those that still run too."""
    limit: int
    """What they may use."""
    until: datetime
    """When the next day begins, in the time zone of the job."""

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.used >= self.limit

    def __str__(self) -> str:
        spent = f"{self.used:,} of {self.limit:,} tokens used today"
        return f"{spent}; again from {self.until.isoformat(timespec='minutes')}" if self.is_spent else spent


def day_of(now: datetime, timezone: str) -> Day:
    """The day in which ``now`` falls, by the calendar of the zone.

    It has 23 or 25 hours where the clock is changed. Of a midnight that is skipped, or that comes twice, the
    first instant counts that has the day's date.
    """
    zone = _zone(timezone)
    today = on_clocks(now, zone).date()
    return Day(_midnight(today, zone), _midnight(today + timedelta(days=1), zone))


def token_use(used: int, limit: int, day: Day, timezone: str) -> TokenUse:
    """What has been used of ``limit`` on a day of the zone."""
    return TokenUse(used, limit, on_clocks(day.end, _zone(timezone)))


def _midnight(day: date, zone: tzinfo) -> datetime:
    # fold=0: of two midnights the first; one that is skipped is, by the offset before, the end of the skip.
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _zone(name: str) -> tzinfo:
    """UTC for a name that is none: manifests are checked, and rows may be changed by hand."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
