"""Times as people give them, ISO 8601 or how long from now, and as clocks show them."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from jeeves_runner.core.durations import End, is_duration, parse_duration
from jeeves_runner.core.wording import brief
from jeeves_runner.errors import InvalidValue

_HINT: Final = "write a time such as 2026-12-24T18:00 or 2026-12-24T17:00Z, or a length of time such as 2h"
_END_HINT: Final = "write a time such as 18:00 or 2026-12-24T18:00, or a length of time such as 2h"

_TIME_OF_DAY: Final = r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?"
_DAY: Final = timedelta(days=1)
_NONE: Final = timedelta(0)


def parse_instant(
    text: str, now: datetime, timezone: str | tzinfo, what: str, *, hint: str = _HINT
) -> datetime:
    """The aware UTC time of ``text``; one without an offset is a clock time of ``timezone``.

    A duration counts from ``now``, with a minus before it into the past. InvalidValue, its message beginning
    with ``what``.
    """
    if text == "now":
        return now
    length = text.removeprefix("-")
    if not is_duration(length):
        return _iso(text, timezone, what, hint)
    try:
        distance = timedelta(milliseconds=parse_duration(length))
        return now - distance if text.startswith("-") else now + distance
    except ValueError as error:
        raise InvalidValue(f"{what}: {error}", hint=hint) from error


def _iso(text: str, timezone: str | tzinfo, what: str, hint: str) -> datetime:
    try:
        given = datetime.fromisoformat(text)
        aware = given if given.tzinfo else given.replace(tzinfo=_zone(timezone))
        return aware.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidValue(
            f"{what} is neither a time nor a length of time: {brief(text)}", hint=hint
        ) from error


def _zone(timezone: str | tzinfo) -> tzinfo:
    if not isinstance(timezone, str):
        return timezone
    from zoneinfo import ZoneInfo  # takes long, and many commands name no time

    return ZoneInfo(timezone)


def on_clocks(instant: datetime, zone: tzinfo) -> datetime:
    """An instant as the clocks of a zone show it; as those of UTC where the year of the zone's cannot be
    written."""
    try:
        return instant.astimezone(zone)
    except OverflowError:
        return instant.astimezone(UTC)


def past_instant(text: str, now: datetime, timezone: str | tzinfo, what: str) -> datetime:
    """Like ``parse_instant``, for a time that must not lie ahead: a time of day is the last one there was."""
    if (clock := re.fullmatch(_TIME_OF_DAY, text)) is not None:
        return max(each for each in _at_time_of_day(clock, now, timezone, what) if each <= now)
    instant = parse_instant(text, now, timezone, what)
    if instant > now:
        raise InvalidValue(
            f"{what} lies ahead: {brief(text)}", hint="a length of time that has passed has a minus: -2h"
        )
    return instant


def coming_instant(text: str, now: datetime, timezone: str | tzinfo, what: str) -> datetime:
    """Like ``parse_instant``: a time of day is the next one there is."""
    if (clock := re.fullmatch(_TIME_OF_DAY, text)) is not None:
        return min(each for each in _at_time_of_day(clock, now, timezone, what) if each >= now)
    return parse_instant(text, now, timezone, what)


def end_of_span(
    text: str, begin: datetime | None, now: datetime, timezone: str | tzinfo, what: str
) -> datetime:
    """Like ``parse_instant``: a time of day is the first one after ``begin``; without a beginning it is the
    last one there was."""
    if (clock := re.fullmatch(_TIME_OF_DAY, text)) is None:
        return parse_instant(text, now, timezone, what)
    if begin is None:
        return past_instant(text, now, timezone, what)
    return min(each for each in _at_time_of_day(clock, begin, timezone, what) if each > begin)


def later_end(text: str, now: datetime, timezone: str | tzinfo, what: str) -> End:
    """Like ``parse_instant``, for an end, which must lie ahead: a time of day is the next one there is."""
    if (clock := re.fullmatch(_TIME_OF_DAY, text)) is not None:
        return End(min(each for each in _at_time_of_day(clock, now, timezone, what) if each > now))
    instant = parse_instant(text, now, timezone, what, hint=_END_HINT)
    if instant <= now:
        raise InvalidValue(f"{what} must lie ahead: {brief(text)}", hint=_END_HINT)
    return End(instant, parse_duration(text) if is_duration(text) else None)


def _at_time_of_day(clock: re.Match[str], now: datetime, timezone: str | tzinfo, what: str) -> list[datetime]:
    """The instants of the days around ``now`` at which clocks show a time of day."""
    zone = _zone(timezone)
    try:
        hour, minute, second = (int(part or 0) for part in clock.groups())
        wanted = time(hour, minute, second)
        today = on_clocks(now, zone).date()
        return [each for days in range(-2, 3) for each in _shown(today + days * _DAY, wanted, zone)]
    except (ValueError, OverflowError) as error:
        raise InvalidValue(f"{what} is no time of day: {clock[0]}", hint=_END_HINT) from error


def _shown(day: date, wanted: time, zone: tzinfo) -> Iterator[datetime]:
    """When clocks show a time on a day, both times where they are set back. One that they skip is so long
    after they did, as it is where a whole date is given."""
    first = datetime.combine(day, wanted, zone)
    yield first.astimezone(UTC)
    second = first.replace(fold=1)
    if (second.utcoffset() or _NONE) < (first.utcoffset() or _NONE):
        yield second.astimezone(UTC)
