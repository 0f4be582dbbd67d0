"""Times as people give them, ISO 8601 or how long from now, and as clocks show them."""

from datetime import UTC, datetime, timedelta, tzinfo

from jeeves_runner.core.durations import End, is_duration, parse_duration
from jeeves_runner.core.wording import brief
from jeeves_runner.errors import InvalidValue

_HINT = "write a time such as 2026-12-24T18:00 or 2026-12-24T17:00Z, or a length of time such as 2h"


def parse_instant(text: str, now: datetime, timezone: str | tzinfo, what: str) -> datetime:
    """The aware UTC time of ``text``; one without an offset is a clock time of ``timezone``.

    A duration counts from ``now``, with a minus before it into the past. InvalidValue, its message beginning
    with ``what``.
    """
    if text == "now":
        return now
    length = text.removeprefix("-")
    if not is_duration(length):
        return _iso(text, timezone, what)
    try:
        distance = timedelta(milliseconds=parse_duration(length))
        return now - distance if text.startswith("-") else now + distance
    except ValueError as error:
        raise InvalidValue(f"{what}: {error}", hint=_HINT) from error


def _iso(text: str, timezone: str | tzinfo, what: str) -> datetime:
    from zoneinfo import ZoneInfo  # takes long, and many commands name no time

    try:
        given = datetime.fromisoformat(text)
        zone = ZoneInfo(timezone) if isinstance(timezone, str) else timezone
        aware = given if given.tzinfo else given.replace(tzinfo=zone)
        return aware.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidValue(
            f"{what} is neither a time nor a length of time: {brief(text)}", hint=_HINT
        ) from error


def on_clocks(instant: datetime, zone: tzinfo) -> datetime:
    """An instant as the clocks of a zone show it; as those of UTC where the year of the zone's cannot be
    written."""
    try:
        return instant.astimezone(zone)
    except OverflowError:
        return instant.astimezone(UTC)


def past_instant(text: str, now: datetime, timezone: str | tzinfo, what: str) -> datetime:
    """Like ``parse_instant``, for a time that must not lie ahead."""
    instant = parse_instant(text, now, timezone, what)
    if instant > now:
        raise InvalidValue(
            f"{what} lies ahead: {brief(text)}", hint="a length of time that has passed has a minus: -2h"
        )
    return instant


def later_end(text: str, now: datetime, timezone: str | tzinfo, what: str) -> End:
    """Like ``parse_instant``, for an end, which must lie ahead."""
    instant = parse_instant(text, now, timezone, what)
    if instant <= now:
        raise InvalidValue(f"{what} must lie ahead: {brief(text)}", hint=_HINT)
    return End(instant, parse_duration(text) if is_duration(text) else None)
