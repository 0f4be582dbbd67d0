"""The entries of a schedule that are no cron expressions: ``every``, ``at`` and ``rrule``."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple, TypeVar

from jeeves_runner.core.durations import parse_duration
from jeeves_runner.core.schedule.cron_fields import ScheduleError
from jeeves_runner.core.schedule.days import HORIZON_YEARS
from jeeves_runner.core.schedule.exclusions import Exclusions
from jeeves_runner.core.schedule.local_time import Zone
from jeeves_runner.core.schedule.recurrence import Recurrence
from jeeves_runner.core.schedule.rule_checks import recurrence
from jeeves_runner.core.schedule.rule_text import RuleParts, rule_parts
from jeeves_runner.core.schedule.series import Once, Steps
from jeeves_runner.core.schedule_entry import At, Every, RRule
from jeeves_runner.core.wording import brief, in_quotes

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, as all instants of ``series``
_SECOND: Final = timedelta(seconds=1)
_LONGEST_STEP: Final = HORIZON_YEARS * 365 * 86_400
_YEARS: Final = range(1900, 9000)

Part = TypeVar("Part")


class Rule(NamedTuple):
    """A recurrence rule with its bounds, in local times; those that clocks repeat are instants besides."""

    parts: RuleParts
    """What it says."""
    start: datetime
    """The first time that it may occur at."""
    until: datetime | None
    """The last one; None: it has no such end, or ends by its COUNT."""
    first: datetime | None = None
    """The instant, naive UTC, before which it does not occur; None: ``start`` says it all."""
    last: datetime | None = None
    """The instant after which it does not occur; None: ``until`` says it all."""

    @property
    def is_bounded(self) -> bool:
        """Whether it has a bound that its local times alone do not say."""
        return self.first is not None or self.last is not None

    def times(self, exclusions: Exclusions | None) -> Recurrence:
        """Its local times without those that are excluded; raises :class:`ScheduleError`."""
        return recurrence(self.parts, self.start, self.until, exclusions)


@lru_cache(maxsize=16384)
def written_entry(
    entry: Every | At | RRule, zone: Zone | None, namespace: str, index: int
) -> Steps | Once | Rule:
    """What an entry says; raises :class:`ScheduleError`, with ``index`` as its place in the list."""
    try:
        if isinstance(entry, Every):
            return _steps(entry, zone, namespace)
        if isinstance(entry, At):
            return Once(at=_of("at", entry.at, lambda: _instant(entry.at, zone)))
        return _of("rrule", entry.rrule, lambda: _rule(entry, zone))
    except ScheduleError as error:
        error.index = index
        raise


def _of(key: str, text: str, read: Callable[[], Part]) -> Part:
    """What ``read`` gives; errors name the key and quote its text."""
    try:
        return read()
    except ScheduleError as error:
        raise ScheduleError(
            f"{key} {in_quotes(text)}: {error.message}", hint=error.hint, effort=error.effort
        ) from None


def _steps(entry: Every, zone: Zone | None, namespace: str) -> Steps:
    step = _of("every", entry.every, lambda: _span(entry.every))
    if entry.start is not None:
        start = entry.start
        return Steps(first=_of("from", start, lambda: _instant(start, zone)), step=step)
    digest = blake2b(f"{namespace}/every".encode(), digest_size=8).digest()
    return Steps(first=_EPOCH + timedelta(seconds=int.from_bytes(digest, "big") % step), step=step)


def _span(text: str) -> int:
    """The seconds of a duration."""
    try:
        ms = parse_duration(text)
    except ValueError as error:
        raise ScheduleError(str(error), hint="write 30s, 11m or 1h30m") from None
    if ms < 1000 or ms % 1000:
        raise ScheduleError("it must be whole seconds, one at least", hint="write 30s, 11m or 1h30m")
    if ms // 1000 > _LONGEST_STEP:
        raise ScheduleError(
            f"it is more than {HORIZON_YEARS} years",
            hint="write {at: TIME} for one time, or a cron expression",
        )
    return ms // 1000


def _rule(entry: RRule, zone: Zone | None) -> Rule:
    parts = rule_parts(entry.rrule)
    first: datetime | None = None
    if entry.start is None:
        start = _EPOCH
        if missing := _what_needs_a_start(parts):
            hint = "add `start: 2026-12-01T09:00`, the first time it may occur"
            raise ScheduleError(f"{missing} needs a `start`", hint=hint)
    else:
        given = entry.start
        start, first, _ = _of("start", given, lambda: _bound(_time(given), zone))
    until, last = _until(parts, zone)
    rule = Rule(parts, start, until, first, last)
    if rule.until is not None and (rule.until < start or (first and last and last < first)):
        begin = f"`start`, {entry.start}" if entry.start else f"{start.year}"
        raise ScheduleError(f"UNTIL lies before {begin}", hint="write a later UNTIL, or take it out")
    rule.times(None)  # refused here, where the rule is known, and not where its times are wanted
    return rule


def _what_needs_a_start(parts: RuleParts) -> str | None:
    """Which part means another thing with each start, apart from the midnight that stands for no time."""
    if parts.times is not None:
        return "COUNT"
    if parts.interval > 1:
        return "INTERVAL"
    if not parts.names_days and parts.name in ("WEEKLY", "MONTHLY", "YEARLY"):
        return f"FREQ={parts.name} without BYDAY or BYMONTHDAY"
    return None


def _until(parts: RuleParts, zone: Zone | None) -> tuple[datetime | None, datetime | None]:
    """The last local time at which a rule may occur, and the instant if clocks repeat that time."""
    if parts.until is None:
        return None, None
    if not parts.until.is_utc:
        return parts.until.at, None
    local, instant, end = _bound(parts.until.at.replace(tzinfo=UTC), zone)
    return local if end is None else end - _SECOND, instant


def _time(text: str) -> datetime:
    """A time as written, aware if it has an offset."""
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ScheduleError(
            f"{brief(text)} is no time", hint="write 2026-12-24T18:00, or 2026-12-24T17:00Z for UTC"
        ) from None
    if time.microsecond:
        raise ScheduleError("fractions of a second are not looked at", hint="write whole seconds")
    if time.year not in _YEARS:
        raise ScheduleError(
            f"the year {time.year} is outside {_YEARS[0]}-{_YEARS[-1]}", hint="write a year within these"
        )
    return time


def _instant(text: str, zone: Zone | None) -> datetime:
    """The naive UTC time of a text; one without an offset is on the zone's clocks, by the rule for DST."""
    time = _time(text)
    if time.tzinfo is not None:
        return _utc(time)
    if zone is None:
        return time
    instant = zone.instant(time)
    if instant is None:
        raise ScheduleError("clocks skip this time in its zone", hint="write a time after the change")
    return instant.replace(microsecond=0)


def _bound(time: datetime, zone: Zone | None) -> tuple[datetime, datetime | None, datetime | None]:
    """A bound as a local time; and if it is aware and clocks repeat it, its instant and where they end to."""
    if time.tzinfo is None:
        return time, None, None
    instant = _utc(time)
    if zone is None:
        return instant, None, None
    local = zone.local(instant).replace(fold=0)
    end = zone.end_of_repeated(local)
    return local, None if end is None else instant, end


def _utc(time: datetime) -> datetime:
    instant = time.astimezone(UTC).replace(tzinfo=None)
    if instant.microsecond:
        raise ScheduleError("its offset from UTC has a fraction of a second", hint="write one like +02:00")
    return instant
