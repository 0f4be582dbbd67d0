"""When a job occurs: cron expressions, a time zone and exclusions in, instants out.

Five fields are ``minute hour day month weekday``; six have the seconds first. Fields are parsed in
``cron_fields`` and searched in ``cron``; lists and what ``exclusions`` takes out of them in ``joined``.
``local_time`` puts them on the clocks of a zone, ``counting`` counts them there. What was parsed is cached,
so that thousands of jobs with equal expressions share one object.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache, partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from jeeves_runner.core.schedule.counting import LocalCount, count_in_zone
from jeeves_runner.core.schedule.cron import BEGIN_OF_TIME, END_OF_TIME, Cron, LocalTimes, cron_of
from jeeves_runner.core.schedule.cron_fields import KINDS, ScheduleError, ScheduleKey, spread
from jeeves_runner.core.schedule.days import HORIZON_YEARS
from jeeves_runner.core.schedule.exclusions import DateRange, Exclusions, parse_dates
from jeeves_runner.core.schedule.joined import join, leave_a_gap
from jeeves_runner.core.schedule.local_time import Zone
from jeeves_runner.core.wording import brief, did_you_mean, in_quotes

__all__ = ["Schedule", "ScheduleError", "parse_schedule", "warm_up"]

_NAMED: dict[str, tuple[str, ...]] = {
    "@hourly": ("0", "*", "*", "*", "*"),
    "@daily": ("0", "0", "*", "*", "*"),
    "@midnight": ("0", "0", "*", "*", "*"),
    "@weekly": ("0", "0", "*", "*", "0"),
    "@monthly": ("0", "0", "1", "*", "*"),
    "@yearly": ("0", "0", "1", "1", "*"),
    "@annually": ("0", "0", "1", "1", "*"),
}
_SECOND = timedelta(seconds=1)
_LONGEST_FIELD = 256
"""Characters: more than any list of all minutes or of all `fri#2` has."""
_LONGEST_ZONE = 64
_UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "Etc/Zulu", "UCT", "Zulu", "Universal", "Etc/Universal"})
_OF_THE_SYSTEM = frozenset({"localtime", "posixrules", "Factory"})
"""Files beside the zones that stand for no fixed zone."""

_COPIES = ("posix/", "right/")
"""Folders of the system's database that some machines lack, or in which zones count leap seconds."""

_LIKENESS = 0.75
"""How similar a name must be to a known zone's, from 0 to 1, for that zone to be suggested."""

_FIELDS_HINT = "write minute hour day month weekday, or six fields with the second first"


class Schedule:
    """The occurrences of a job: aware UTC times on whole seconds, strictly increasing.

    Immutable and shared; made by :func:`parse_schedule`. All times passed in must be aware. ``effort``: how
    much it took to see that it occurs often enough, about a fifth of a microsecond each.
    """

    __slots__ = ("_times", "_zone", "effort")

    def __init__(self, times: tuple[LocalTimes, ...], zone: Zone | None, effort: int = 0) -> None:
        self._times = times
        self._zone = zone
        self.effort = effort

    def next_after(self, after: datetime) -> datetime | None:
        """The first occurrence strictly later than ``after``; None if none comes within 8 years."""
        instant = _naive_utc(after)
        if instant == END_OF_TIME:
            return None
        if self._zone is None:
            start = instant.replace(microsecond=0) + _SECOND
            found = [times.at_or_after(start) for times in self._times]
        else:
            found = [self._zone.first_after(times, instant) for times in self._times]
        first = min((each for each in found if each is not None), default=None)
        return first and first.replace(tzinfo=UTC)

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """The last occurrence in (after, until], found by searching backwards."""
        instant = _naive_utc(until)
        if self._zone is None:
            start = instant.replace(microsecond=0)
            found = [times.at_or_before(start) for times in self._times]
        else:
            found = [self._zone.last_until(times, instant) for times in self._times]
        last = max((each for each in found if each is not None), default=None)
        return last.replace(tzinfo=UTC) if last is not None and last > _naive_utc(after) else None

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The occurrences in (after, until], ascending."""
        occurrence = self.next_after(after)
        while occurrence is not None and occurrence <= until:
            yield occurrence
            occurrence = self.next_after(occurrence)

    def count(self, after: datetime, until: datetime) -> int:
        """How many occurrences lie in (after, until]; costs about 2 us a day."""
        begin = _naive_utc(after).replace(microsecond=0) + _SECOND
        end = _naive_utc(until).replace(microsecond=0) + _SECOND
        if self._zone is None:
            return LocalCount(self._times).between(begin, end)
        return count_in_zone(self._times, self._zone, begin, end)


def parse_schedule(
    expressions: Sequence[str], timezone: str, namespace: str, exclude: Sequence[str] = ()
) -> Schedule:
    """The union of cron expressions in an IANA time zone, without what ``exclude`` covers.

    ``namespace`` feeds ``H``. ``exclude`` holds local dates (``2026-12-25``), ranges of them
    (``2026-12-24..2026-12-26``, both ends included) and cron expressions; one of five fields
    covers whole minutes. No expressions: a schedule that never occurs. Raises
    :class:`ScheduleError`, also when an expression or the whole would not occur for 8 years.
    """
    zone = _zone(timezone)
    crons = tuple(_cron(text, namespace, "schedule", index) for index, text in enumerate(expressions))
    if not exclude:
        return _plain_schedule(crons, zone)
    dates: list[DateRange] = []
    excluded: list[Cron] = []
    for index, text in enumerate(exclude):
        if _is_cron(text):
            excluded.append(_cron(text, namespace, "exclude", index))
        else:
            dates.append(_dates(text, index))
    schedule, effort = _reduced_schedule(crons, zone, tuple(dates), tuple(excluded))
    if schedule is None:
        raise ScheduleError(
            f"the exclusions leave no occurrence for {HORIZON_YEARS} years",
            hint="exclude less, or set enabled: false to stop a job",
            key="exclude",
            effort=effort,
        )
    return schedule


def warm_up() -> None:
    """Load the cron library now rather than with the first expression that needs it."""
    _cron("1-5 * * * *", "", "schedule", 0)


@lru_cache(maxsize=16384)
def _plain_schedule(crons: tuple[Cron, ...], zone: Zone | None) -> Schedule:
    times = crons if len(crons) < 2 else join(crons, _exclusions((), ()))
    return Schedule(times, zone, sum(cron.effort for cron in crons))


@lru_cache(maxsize=256)
def _reduced_schedule(
    crons: tuple[Cron, ...], zone: Zone | None, dates: tuple[DateRange, ...], excluded: tuple[Cron, ...]
) -> tuple[Schedule | None, int]:
    """The schedule, or None if the exclusions leave too little of it; and the effort of finding out."""
    exclusions = _exclusions(dates, excluded)
    joined = join(crons, exclusions)
    is_refused = bool(joined) and leave_a_gap(exclusions, joined)
    effort = sum(cron.effort for cron in (*crons, *excluded)) + sum(each.effort for each in joined)
    return (None if is_refused else Schedule(joined, zone, effort)), effort


@lru_cache(maxsize=256)
def _exclusions(dates: tuple[DateRange, ...], crons: tuple[Cron, ...]) -> Exclusions:
    return Exclusions(dates, crons)


def _cron(text: str, namespace: str, key: ScheduleKey, index: int) -> Cron:
    """One expression; errors quote it. As an exclusion, five fields stand for whole minutes."""
    try:
        fields = _fields(text.strip().lower())
        if len(fields) == 5:
            fields = ("*" if key == "exclude" else "0", *fields)
        if "h" in text.lower():
            fields = tuple(spread(kind, field, namespace) for kind, field in zip(KINDS, fields, strict=True))
        return cron_of(fields)
    except ScheduleError as error:
        raise ScheduleError(
            f"{in_quotes(text)}: {error.message}", hint=error.hint, key=key, index=index, effort=error.effort
        ) from None


def _fields(text: str) -> tuple[str, ...]:
    """The five or six field texts of an expression in lower case; raises :class:`ScheduleError`."""
    if not text:
        raise ScheduleError("the expression is empty", hint=_FIELDS_HINT)
    fields = tuple(text.split())
    if (longest := max(map(len, fields))) > _LONGEST_FIELD:
        raise ScheduleError(
            f"a field is {longest:,} characters long, where {_LONGEST_FIELD:,} are allowed",
            hint="write ranges and steps, such as 0-50/10, or several expressions",
        )
    if text.startswith("@"):
        return _named_fields(text)
    if len(fields) not in (5, 6):
        noun = "field" if len(fields) == 1 else "fields"
        hint = f"{_FIELDS_HINT}; there is no year field" if len(fields) == 7 else _FIELDS_HINT
        raise ScheduleError(f"{len(fields)} {noun}, where cron has 5 or 6", hint=hint)
    return fields


def _named_fields(text: str) -> tuple[str, ...]:
    fields = _NAMED.get(text)
    if fields is None:
        hint = f"known are {', '.join(_NAMED)}"
        if text == "@reboot":
            hint = (
                "`on_start: true` runs a job each time a server starts; for the start of the machine"
                " use the system's init"
            )
        raise ScheduleError(f"{brief(text)} is not supported", hint=hint)
    return fields


def _is_cron(text: str) -> bool:
    """Whether an exclusion is an expression rather than a date or a range of dates."""
    return ".." not in text and (len(text.split()) > 1 or text.lstrip().startswith("@"))


def _dates(text: str, index: int) -> DateRange:
    try:
        return parse_dates(text.strip())
    except ScheduleError as error:
        error.index = index
        raise


def _zone(name: str) -> Zone | None:
    """The zone's clocks, or None for UTC, which has nothing to look up."""
    if name in _UTC_NAMES:
        return None
    zone = _known_zone(name)
    if zone is None:
        raise ScheduleError(
            f"time zone {in_quotes(name)} is not known", hint=partial(_nearest_zone, name), key="timezone"
        )
    return zone


@lru_cache(maxsize=1024)
def _known_zone(name: str) -> Zone | None:
    try:
        if name in _OF_THE_SYSTEM or name.startswith(_COPIES):
            raise ZoneInfoNotFoundError
        return Zone(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=256)
def _nearest_zone(name: str) -> str:
    known = {zone.lower(): zone for zone in _zone_names()}
    cities = {zone.rpartition("/")[2]: zone for zone in known}
    wanted = name[:_LONGEST_ZONE].strip().lower().replace(" ", "_")
    if near := get_close_matches(wanted, known, n=1, cutoff=_LIKENESS):
        return did_you_mean(repr(known[near[0]]))
    if near := get_close_matches(wanted, cities, n=1, cutoff=_LIKENESS):
        return did_you_mean(repr(known[cities[near[0]]]))
    return "use a name of the IANA database, such as 'Europe/Berlin' or 'UTC'"


@lru_cache(maxsize=1)
def _zone_names() -> list[str]:
    return sorted(available_timezones() - _OF_THE_SYSTEM)


def _naive_utc(instant: datetime) -> datetime:
    """The instant as searches take it: without a zone, and within the years that can be searched."""
    if instant.tzinfo is None:
        raise ValueError("a schedule needs aware times")
    naive = (instant if instant.tzinfo is UTC else instant.astimezone(UTC)).replace(tzinfo=None)
    return naive if BEGIN_OF_TIME < naive < END_OF_TIME else min(max(naive, BEGIN_OF_TIME), END_OF_TIME)
