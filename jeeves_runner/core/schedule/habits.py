"""What a schedule says that its author may not mean: each of these is a warning, and none holds anything.

Some of it is true for a while only. Then it has the instants between which it is, so that what was read
once can be told whenever it is true, and read again only when something else has become true.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Final, NamedTuple

from jeeves_runner.core.durations import parse_duration
from jeeves_runner.core.schedule.cron import BEGIN_OF_TIME, END_OF_TIME
from jeeves_runner.core.schedule.cron_fields import KINDS, parse_field, spread
from jeeves_runner.core.schedule.expression import cron_expression, expression_fields
from jeeves_runner.core.schedule.nights import Night
from jeeves_runner.core.schedule.schedule import Schedule, parse_schedule
from jeeves_runner.core.schedule.zones import zone_of
from jeeves_runner.core.schedule_entry import At, Every, RRule, ScheduleEntry, entry_text

_LOOKED_AHEAD: Final = timedelta(days=366)
_DAY: Final = timedelta(days=1)
_DAY_MS: Final = 86_400_000
_BEGIN: Final = BEGIN_OF_TIME.replace(tzinfo=UTC)
_END: Final = END_OF_TIME.replace(tzinfo=UTC)
_STEP: Final = re.compile(r"(?:\*|([0-9]+))/([0-9]+)", re.ASCII)
_SPREAD_STEP: Final = re.compile(r"h/([0-9]+)", re.ASCII)


class Habit(NamedTuple):
    """Something about one entry of a schedule."""

    place: int
    """Which entry, from 0."""
    code: str
    """In one word what: ``uneven_steps``."""
    message: str
    """A sentence that quotes the entry."""
    hint: str
    """What to write instead."""
    since: datetime | None = None
    """From when on it is true; aware, UTC. None: it always was."""
    until: datetime | None = None
    """From when on it is true no longer; None: it stays so."""


class _Steps(NamedTuple):
    """A field in which steps begin anew, and what they count."""

    size: int | None
    """How many values it has; None: that varies."""
    first: int
    """The lowest value."""
    unit: str
    """What a value is."""
    begins_with: str
    """With what they begin anew."""
    instead: str
    """How steps throughout are written; ``{n}`` is their length."""


_BY_DAYS: Final = '`{{rrule: "FREQ=DAILY;INTERVAL={n}", start: 2026-12-01T09:00}}`'
_FIELDS: Final = (
    _Steps(60, 0, "second", "minute", "`{{every: {n}s}}`"),
    _Steps(60, 0, "minute", "hour", "`{{every: {n}m}}`"),
    _Steps(24, 0, "hour", "day", "`{{every: {n}h}}`"),
    _Steps(None, 1, "day", "month", _BY_DAYS),
    _Steps(12, 1, "month", "year", '`{{rrule: "FREQ=MONTHLY;INTERVAL={n}", start: 2026-12-01T09:00}}`'),
    _Steps(7, 0, "weekday", "week", _BY_DAYS),
)


def warnings(
    entries: Sequence[ScheduleEntry],
    timezone: str,
    namespace: str,
    exclude: Sequence[str] = (),
    now: datetime | None = None,
) -> Iterator[Habit]:
    """What is to be said of a schedule that ``parse_schedule`` takes, entry by entry.

    Times that clocks skip are told for the year from ``now`` on, an aware time; without it they are not.
    """
    for index, entry in enumerate(entries):
        if isinstance(entry, str):
            yield from _of_expression(index, entry, namespace)
        elif isinstance(entry, Every):
            yield from _of_steps(index, entry)
        else:
            yield from _run_out(index, entry, parse_schedule([entry], timezone, namespace, exclude))
        if now is not None and not isinstance(entry, Every | At) and zone_of(timezone) is not None:
            schedule = parse_schedule([entry], timezone, namespace, exclude)
            yield from _skipped(index, entry, schedule, timezone, now)


def _of_expression(index: int, text: str, namespace: str) -> Iterator[Habit]:
    fields = expression_fields(text)
    if len(fields) == 6 and fields[0] == "*" and fields[1] != "*":
        runs = 60 * len(cron_expression(text, namespace, "schedule", index).minutes)
        yield Habit(
            index,
            "each_second",
            f"`{text}` has six fields, of which the first is the second: it starts {runs:,} runs an hour",
            f"write `{' '.join(text.split()[1:])}` for one run in each of these minutes",
        )
    six = fields if len(fields) == 6 else ("0", *fields)
    for place, field in enumerate(six):
        if (match := _STEP.fullmatch(field)) and _goes_on(place, six):
            yield from _uneven(index, text, field, _FIELDS[place], int(match[2]), int(match[1] or 0))
        elif match := _SPREAD_STEP.fullmatch(field):
            times = len(parse_field(KINDS[place], spread(KINDS[place], field, namespace)).values)
            yield from _by_name(index, text, field, place, int(match[1]), times)


def _goes_on(place: int, six: Sequence[str]) -> bool:
    """Whether the steps of a field go on in the next of what they begin anew with."""
    if place < 2:
        return not six[place + 1].isdigit()
    if place == 5 and not six[5].startswith("*"):
        return False  # steps of numbered weekdays may end with Sunday's second number
    days = {2: (3, 5), 3: (5,), 5: (3,)}
    return all(six[each] == "*" for each in days.get(place, ()))


def _uneven(index: int, text: str, field: str, steps: _Steps, n: int, first: int) -> Iterator[Habit]:
    begin = max(first, steps.first)
    highest = (steps.size or 31) - 1 + steps.first
    if n < 2 or begin + n > highest:
        return
    last = highest + 1 - (begin + (highest - begin) // n * n) + begin - steps.first
    if steps.size is not None and last == n:
        return
    length = "another" if steps.size is None else f"{last} {steps.unit}{'' if last == 1 else 's'}, not {n}"
    yield Habit(
        index,
        "uneven_steps",
        f"`{text}`: `{field}` begins anew with each {steps.begins_with}: the step before that has {length}"
        + (" length" if steps.size is None else ""),
        f"for steps of {n} {steps.unit}s throughout write {steps.instead.format(n=n)}",
    )


def _by_name(index: int, text: str, field: str, place: int, n: int, times: int) -> Iterator[Habit]:
    """Of ``H/n``: steps of over half the field, of which it has one or two by the hash of the job's name.

    Shorter ones are not told although they are as uneven as those of ``*/n``: ``H`` leaves it to the runner
    which times these are, and a step such as 11 is chosen so that jobs do not meet again and again.
    """
    kind, steps = KINDS[place], _FIELDS[place]
    size = kind.spread_high - kind.low + 1
    if not size < 2 * n < 2 * size:
        return
    mine, others = ("one", "two") if times == 1 else ("two", "one")
    yield Habit(
        index,
        "uneven_steps",
        f"`{text}`: `{field.upper()}` is {mine} of the {steps.unit}s of each {steps.begins_with} for this"
        f" job, and {others} for jobs with other names",
        f"write `H` for one, or for steps of {n} {steps.unit}s throughout {steps.instead.format(n=n)}",
    )


def _of_steps(index: int, entry: Every) -> Iterator[Habit]:
    days, rest = divmod(parse_duration(entry.every), _DAY_MS)
    if rest:
        return
    instead = {1: "`0 9 * * *`", 7: "`0 9 * * mon`"}.get(days, _BY_DAYS.format(n=days))
    yield Habit(
        index,
        "whole_days",
        f"`every: {entry.every}` counts elapsed time and not days: where clocks are shifted, its time of the"
        " day moves",
        f"for a time of the day write {instead}",
    )


def _run_out(index: int, entry: At | RRule, schedule: Schedule) -> Iterator[Habit]:
    last = schedule.latest(_BEGIN, _END)
    if last is None or last > _END - _LOOKED_AHEAD * 9:
        return
    yield Habit(
        index,
        "run_out",
        f"`{entry_text(entry)}` has run out: its last time was {last:%Y-%m-%dT%H:%M:%SZ}",
        "take it out, or write a later time",
        since=last,
    )


def _skipped(
    index: int, entry: str | RRule, schedule: Schedule, timezone: str, now: datetime
) -> Iterator[Habit]:
    """The first time within a year that clocks skip."""
    begin = datetime.combine(now.astimezone(UTC).date(), time(), UTC)  # one for all schedules of a day
    for night in schedule.nights(begin, begin + _LOOKED_AHEAD):
        at = night.at.replace(tzinfo=UTC)
        if at <= now or not (night.effect == "moved" or _is_without(schedule, night)):
            continue
        yield Habit(
            index,
            "skipped_time",
            f"`{entry_text(entry)}`: {night.text(timezone)}",
            "choose times that clocks do not skip there, or `timezone: UTC`",
            until=at,
        )
        return


def _is_without(schedule: Schedule, night: Night) -> bool:
    """Whether skipped times leave the local day without any."""
    if night.effect != "left_out":
        return False
    midnight = datetime.combine(night.first.date(), time())
    begin = midnight - (night.begin - night.at)
    end = midnight + _DAY - (night.end - night.at)
    instant = timedelta(microseconds=1)
    first, last = (each.replace(tzinfo=UTC) - instant for each in (begin, end))
    return schedule.next_after(first) is None or schedule.count(first, last) == 0
