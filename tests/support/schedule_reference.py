"""What a schedule means, said once more by brute force: every local time is tried, every day in turn.

Slow and short on purpose, and without a line of the program; the property tests compare the two.
"""

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise, product
from zoneinfo import ZoneInfo, available_timezones

BOUNDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
WEEKDAYS = 5
"""The place of the field in which 7 is Sunday too, and ``n/step`` goes up to it."""
LONG = timedelta(hours=3)
NONE = timedelta(0)

ALL_ZONES = sorted(available_timezones() - {"Factory", "localtime", "posixrules"})
"""Without what is a setting of the machine, or stands for one that was never made."""


def occurrences(
    expressions: Sequence[str], zone: str, exclude: Sequence[str], begin: datetime, end: datetime
) -> list[datetime]:
    """The instants in (begin, end], ascending; both ends aware and in UTC."""
    tz = ZoneInfo(zone)
    first, last = (
        begin.astimezone(tz).date() - timedelta(days=2),
        end.astimezone(tz).date() + timedelta(days=2),
    )
    found = {
        instant
        for expression in expressions
        for local in local_times(expression.split(), first, last)
        if not any(covers(excluded, local) for excluded in exclude)
        for instant in instants(local, tz, elapsed=is_elapsed(expression))
    }
    return sorted(instant for instant in found if begin < instant <= end)


def local_times(fields: Sequence[str], first: date, last: date) -> Iterator[datetime]:
    seconds, minutes, hours = (values(n, field) for n, field in enumerate(six(fields, "0")[:3]))
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        if day_matches(six(fields, "0"), day):
            for hour, minute, second in product(sorted(hours), sorted(minutes), sorted(seconds)):
                yield datetime.combine(day, time(hour, minute, second))


def instants(local: datetime, tz: ZoneInfo, elapsed: bool) -> list[datetime]:
    """When a local time occurs, by the rule of Debian's cron."""
    passes = [local.replace(tzinfo=tz, fold=fold) for fold in (0, 1)]
    before, after = (each.utcoffset() or NONE for each in passes)
    if before < after:  # skipped
        runs = not elapsed and after - before < LONG
        return [end_of_gap(local, before, after, tz)] if runs else []
    twice = before > after and elapsed and before - after < LONG
    return [each.astimezone(UTC) for each in (passes if twice else passes[:1])]


def end_of_gap(local: datetime, before: timedelta, after: timedelta, tz: ZoneInfo) -> datetime:
    """The instant at which the clocks went forward."""
    return instant_of_shift(tz, (local - after).replace(tzinfo=UTC), (local - before).replace(tzinfo=UTC))


def covers(excluded: str, local: datetime) -> bool:
    """Whether a date, a range of dates or an expression takes this local time out."""
    if re.match(r"\d{4}-", excluded):
        first, _, last = excluded.partition("..")
        return first <= f"{local:%Y-%m-%d}" <= (last or first)
    fields = six(excluded.split(), "*")
    clock = (local.second, local.minute, local.hour)
    return day_matches(fields, local) and all(clock[n] in values(n, fields[n]) for n in range(3))


def six(fields: Sequence[str], seconds: str) -> tuple[str, ...]:
    return (seconds, *fields) if len(fields) == 5 else tuple(fields)


def is_elapsed(expression: str) -> bool:
    return any(field.startswith("*") for field in six(expression.split(), "0")[1:3])


def day_matches(fields: Sequence[str], day: date) -> bool:
    """Vixie's rule: either of two restricted day fields is enough, else both must match."""
    if day.month not in values(4, fields[4]):
        return False
    is_last = day.day == monthrange(day.year, day.month)[1]
    by_date = day.day in values(3, fields[3]) or ("L" in fields[3].split(",") and is_last)
    by_weekday = day.isoweekday() % 7 in values(5, fields[5])
    if fields[3].startswith("*") or fields[5].startswith("*"):
        return by_date and by_weekday
    return by_date or by_weekday


@cache
def values(place: int, field: str) -> frozenset[int]:
    """The numbers of one field, of ``*``, ``5``, ``1-5``, each with or without a step, in a list."""
    low, high = BOUNDS[place]
    found: set[int] = set()
    for item in field.split(","):
        if item == "L":
            continue
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        begin = low if span == "*" else int(first)
        end = high if span == "*" else int(last or first)
        if step and not last and span != "*":
            end = 7 if place == WEEKDAYS else high
        numbers = (number for number in range(begin, end + 1) if (number - begin) % int(step or 1) == 0)
        found.update(number % 7 if place == WEEKDAYS else number for number in numbers)
    return frozenset(found)


@cache
def shifts(zone: str, year: int) -> list[datetime]:
    """The instants of a year's shifts; its first instant where there is none."""
    tz = ZoneInfo(zone)
    begin = datetime(year, 1, 1, tzinfo=UTC)
    days = [begin + timedelta(days=n) for n in range(367)]
    return [
        instant_of_shift(tz, *pair) for pair in pairwise(days) if offset(tz, pair[0]) != offset(tz, pair[1])
    ] or [begin]


def near_a_shift(zone: str, year: int, which: int) -> datetime:
    found = shifts(zone, year)
    return found[which % len(found)]


def offset(tz: ZoneInfo, when: datetime) -> timedelta:
    return when.astimezone(tz).utcoffset() or NONE


def instant_of_shift(tz: ZoneInfo, low: datetime, high: datetime) -> datetime:
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        low, high = (middle, high) if offset(tz, middle) == offset(tz, low) else (low, middle)
    return high
