"""The time that a person asks about, on clocks that are shifted, and what a schedule has there."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jeeves_runner.core.durations import is_duration
from jeeves_runner.core.instants import on_clocks, parse_instant
from jeeves_runner.core.schedule.local_time import LONG_SHIFT, Stretch, Zone
from jeeves_runner.core.schedule.schedule import Schedule, ScheduleError, parse_schedule
from jeeves_runner.core.why.facts import Asked, Declared

_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)
_INSTANT: Final = timedelta(microseconds=1)
_AROUND: Final = timedelta(days=1)
_SECONDS: Final = re.compile(r"\d\d:\d\d:\d\d")
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC) + _MINUTE
_LATEST: Final = datetime.max.replace(tzinfo=UTC) - _MINUTE


def asked(text: str, now: datetime, timezone: str, what: str) -> Asked:
    """The time of a text: ISO 8601, ``HH:MM`` of today, or how long from now; InvalidValue otherwise.

    Without an offset it is a time on the clocks of ``timezone``. What names no second means its minute.
    """
    is_of_a_second = _SECONDS.search(text) is not None
    text = _of_today(text, now, timezone)
    instant = min(max(parse_instant(text, now, timezone, what), _EARLIEST), _LATEST)
    if is_duration(text.removeprefix("-")):
        instant = instant.replace(microsecond=0)
        if "s" not in text:
            instant = instant.replace(second=0)
    length = _SECOND if is_of_a_second or instant.second or instant.microsecond else _MINUTE
    local = _local(text)
    if local is None:
        return Asked(instant, instant + length)
    shift = shift_at(local, timezone)
    if shift is None:
        return Asked(instant, instant + length, local)
    if shift.skips:
        return Asked(shift.at, shift.at + length, local)
    return Asked(local.replace(tzinfo=UTC) - shift.before, instant + length, local)


def _local(text: str) -> datetime | None:
    """The clock time of a text; None for one that has an offset, or says how long from now."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        return None
    return given if given.tzinfo is None else None


def _of_today(text: str, now: datetime, timezone: str) -> str:
    try:
        clock = time.fromisoformat(text)
    except ValueError:
        return text
    if clock.tzinfo is not None:
        return text
    return datetime.combine(on_clocks(now, _tz(timezone)).date(), clock).isoformat()


class Shift(NamedTuple):
    """A moment at which the clocks of a zone are set."""

    at: datetime
    """When; aware, UTC."""
    before: timedelta
    """The offset from UTC until then."""
    offset: timedelta
    """The offset from then on."""

    @property
    def skips(self) -> bool:
        """Whether local times are left out; else some come twice."""
        return self.offset > self.before

    @property
    def is_long(self) -> bool:
        """Whether it is more than daylight saving: a change of the zone, or of the date."""
        return self.length >= LONG_SHIFT

    @property
    def length(self) -> timedelta:
        """How far clocks are set, either way."""
        return abs(self.offset - self.before)

    @property
    def old(self) -> datetime:
        """What clocks showed, naive."""
        return (self.at + self.before).replace(tzinfo=None)

    @property
    def new(self) -> datetime:
        """What they showed from then on, naive."""
        return (self.at + self.offset).replace(tzinfo=None)

    def has(self, local: datetime) -> bool:
        """Whether a local time is left out by it, or comes twice."""
        return min(self.old, self.new) <= local < max(self.old, self.new)


def shift_at(local: datetime, timezone: str) -> Shift | None:
    """The shift that leaves a local time out, or has it come twice; None if none does."""
    return next((shift for shift in _shifts(local, timezone) if shift.has(local)), None)


def shift_of(instant: datetime, timezone: str) -> Shift | None:
    """The shift at this instant, or the one that has its local time come twice; None if there is none."""
    local = on_clocks(instant, _tz(timezone)).replace(tzinfo=None)
    return next(
        (
            shift
            for shift in _shifts(local, timezone)
            if (shift.at == instant if shift.skips else shift.has(local))
        ),
        None,
    )


def _shifts(local: datetime, timezone: str) -> "list[Shift]":
    if not _AROUND * 4 < local - datetime.min < datetime.max - datetime.min - _AROUND * 4:  # noqa: DTZ901
        return []
    stretches = Zone(_tz(timezone)).stretches(local - _AROUND, local + _AROUND)
    return [_shift(each) for each in stretches if each.offset != each.before]


def _shift(stretch: Stretch) -> Shift:
    return Shift(stretch.begin.replace(tzinfo=UTC), stretch.before, stretch.offset)


def schedule_of(declared: Declared, namespace: str) -> Schedule | None:
    """When a job that is declared so occurs; None where a row was changed by hand to what is no schedule."""
    try:
        return parse_schedule(declared.schedule, declared.timezone, namespace, declared.exclude)
    except ScheduleError:
        return None


def occurrence_in(schedule: Schedule | None, begin: datetime, end: datetime) -> datetime | None:
    """The first occurrence in [begin, end)."""
    found = None if schedule is None else schedule.next_after(begin - _INSTANT)
    return found if found is not None and found < end else None


def occurs_at(schedule: Schedule | None, instant: datetime) -> bool:
    """Whether it has an occurrence at this very instant."""
    return occurrence_in(schedule, instant, instant + _INSTANT) is not None


class Excluded(NamedTuple):
    """A time that the schedule has, and that is excluded."""

    at: datetime
    """The time."""
    by: str
    """What excludes it, as written."""


def excluded_in(declared: Declared, namespace: str, asked: Asked) -> Excluded | None:
    """The first time in what was asked about that is none only because it is excluded."""
    if not declared.exclude:
        return None
    at = occurrence_in(schedule_of(declared._replace(exclude=()), namespace), asked.at, asked.until)
    if at is None:
        return None
    for text in declared.exclude:
        left = schedule_of(declared._replace(exclude=(text,)), namespace)
        if occurrence_in(left, at, at + _SECOND) is None:
            return Excluded(at, text)
    return None


def _tz(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):  # changed by hand
        return ZoneInfo("UTC")
