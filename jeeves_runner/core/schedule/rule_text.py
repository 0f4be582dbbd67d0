"""A recurrence rule's text, ``FREQ=WEEKLY;BYDAY=MO,FR;INTERVAL=2``, as its parts (RFC 5545, section 3.3.10).

Spelling and ranges are checked here, so that a message can name the part.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final, NamedTuple

from jeeves_runner.core.schedule.cron_fields import ScheduleError
from jeeves_runner.core.wording import in_quotes

FREQUENCIES: Final = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
"""From the longest period to the shortest; python-dateutil numbers them in this order."""

YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY, SECONDLY = range(len(FREQUENCIES))

UNIT: Final = {HOURLY: 3600, MINUTELY: 60, SECONDLY: 1}
"""Seconds of the periods that are shorter than a day."""

WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

_LONGEST: Final = 1024
"""Characters of a rule."""
MAX_COUNT: Final = 10_000
_DAY: Final = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_PROPERTY: Final = re.compile(r"DTSTART|TZID|EXRULE|EXDATE|RDATE", re.ASCII)
_FORM: Final = "write NAME=VALUE;NAME=VALUE, such as FREQ=WEEKLY;BYDAY=MO,FR"
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_UNTIL: Final = re.compile(r"([0-9]{8})(?:T([0-9]{6})(Z?))?", re.ASCII)

NthDay = tuple[int, int]
"""A weekday from 0, Monday, and which of its period: 1 the first, -1 the last, 0 each."""


class Until(NamedTuple):
    """The last time at which a rule may occur."""

    at: datetime
    """Naive; the end of the day where only a date is written."""
    is_utc: bool
    """Whether it is of UTC; else of the rule's time zone."""


class RuleParts(NamedTuple):
    """What a rule says, in fields named as its parts; ``times`` is its COUNT."""

    freq: int
    """Its place in ``FREQUENCIES``."""
    interval: int = 1
    """Every how many periods it occurs, 1 at least."""
    times: int | None = None
    """How often it occurs at all; None: without such an end."""
    until: Until | None = None
    """The last time at which it may occur; likewise."""
    wkst: int = 0
    """The weekday on which weeks begin; 0 is Monday."""
    bysecond: tuple[int, ...] = ()
    byminute: tuple[int, ...] = ()
    byhour: tuple[int, ...] = ()
    byday: tuple[NthDay, ...] = ()
    bymonthday: tuple[int, ...] = ()
    byyearday: tuple[int, ...] = ()
    byweekno: tuple[int, ...] = ()
    bymonth: tuple[int, ...] = ()
    bysetpos: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The frequency's name."""
        return FREQUENCIES[self.freq]

    @property
    def is_within_days(self) -> bool:
        """Whether its periods are shorter than a day."""
        return self.freq in UNIT

    @property
    def names_days(self) -> bool:
        """Whether it says on which days of its period it occurs."""
        return bool(self.byday or self.bymonthday or self.byyearday or self.byweekno)


class _Numbers(NamedTuple):
    """The values that a part may have."""

    low: int
    high: int
    from_the_end: bool = False

    def read(self, name: str, text: str) -> tuple[int, ...]:
        values = [_number(name, word) for word in text.split(",")]
        for value in values:
            counted = abs(value) if self.from_the_end else value
            if not self.low <= counted <= self.high:
                signs = f"{self.low}-{self.high}" + (f" or -{self.high} to -1" if self.from_the_end else "")
                raise ScheduleError(
                    f"{name} {value} is outside {signs}", hint=f"write {name}={self.low}, say"
                )
        return tuple(dict.fromkeys(values))


_LISTS: Final[Mapping[str, _Numbers]] = {
    "BYSECOND": _Numbers(0, 59),
    "BYMINUTE": _Numbers(0, 59),
    "BYHOUR": _Numbers(0, 23),
    "BYMONTHDAY": _Numbers(1, 31, from_the_end=True),
    "BYYEARDAY": _Numbers(1, 366, from_the_end=True),
    "BYWEEKNO": _Numbers(1, 53, from_the_end=True),
    "BYMONTH": _Numbers(1, 12),
    "BYSETPOS": _Numbers(1, 366, from_the_end=True),
}


@lru_cache(maxsize=4096)
def rule_parts(text: str) -> RuleParts:
    """The parts of a rule in any order, in capitals or not; raises :class:`ScheduleError`."""
    if len(text) > _LONGEST:
        message = f"the rule is {len(text):,} characters long, where {_LONGEST:,} are allowed"
        raise ScheduleError(message, hint="write several rules, each as an entry of the list")
    rule = text.strip().upper()
    if not rule:
        raise ScheduleError("the rule is empty", hint=_FORM)
    if len(lines := rule.splitlines()) > 1 or _PROPERTY.match(rule):
        raise _other_lines(lines)
    found: dict[str, Any] = {}
    for part in rule.removeprefix("RRULE:").rstrip(";").split(";"):
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals:
            raise ScheduleError(
                f"{in_quotes(part)} is no part of a rule",
                hint=_FORM,
            )
        if name not in _READERS:
            raise _unknown_part(name)
        field = "times" if name == "COUNT" else name.lower()
        if field in found:
            raise ScheduleError(f"{name} is written twice", hint="write one, with commas: BYHOUR=9,17")
        found[field] = _READERS[name](name, value.replace(" ", ""))
    if "freq" not in found:
        raise ScheduleError("the rule has no FREQ", hint=f"begin it with FREQ={', '.join(FREQUENCIES)}")
    parts = RuleParts(**found)
    _check(parts)
    return parts


def _check(parts: RuleParts) -> None:
    """What RFC 5545 forbids beside each other."""
    name = parts.name
    if parts.times is not None and parts.until is not None:
        raise ScheduleError("COUNT and UNTIL are both written", hint="a rule ends by one of them")
    if parts.byweekno and name != "YEARLY":
        raise ScheduleError("BYWEEKNO belongs to FREQ=YEARLY", hint="write FREQ=YEARLY, or take it out")
    if parts.byyearday and name in ("MONTHLY", "WEEKLY", "DAILY"):
        raise ScheduleError(f"BYYEARDAY does not go with FREQ={name}", hint="write FREQ=YEARLY")
    if parts.bymonthday and name == "WEEKLY":
        raise ScheduleError(
            "BYMONTHDAY does not go with FREQ=WEEKLY",
            hint="write FREQ=MONTHLY, or BYDAY for days of the week",
        )
    if any(which for _, which in parts.byday) and (name not in ("MONTHLY", "YEARLY") or parts.byweekno):
        raise ScheduleError(
            "a numbered weekday such as 1MO belongs to FREQ=MONTHLY and FREQ=YEARLY without BYWEEKNO",
            hint="write MO for each Monday",
        )
    others = (parts.names_days, parts.bymonth, parts.byhour, parts.byminute, parts.bysecond)
    if parts.bysetpos and not any(others):
        message = "BYSETPOS picks from what other parts name, and there are none"
        raise ScheduleError(message, hint="write BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1 for the last working day")


def _freq(_name: str, text: str) -> int:
    if text not in FREQUENCIES:
        known = f"known are {', '.join(FREQUENCIES)}"
        raise ScheduleError(f"FREQ {in_quotes(text)} is not known", hint=known)
    return FREQUENCIES.index(text)


def _number(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ScheduleError(f"{name} {in_quotes(text)} is no number", hint="write digits: INTERVAL=2")
    return int(text)


def _positive(most: int) -> Callable[[str, str], int]:
    def read(name: str, text: str) -> int:
        number = _number(name, text)
        if not 1 <= number <= most:
            raise ScheduleError(f"{name} {number:,} is outside 1-{most:,}", hint=f"write {name}=2, say")
        return number

    return read


def _weekday(name: str, text: str) -> int:
    if text not in WEEKDAYS:
        raise ScheduleError(f"{name} {in_quotes(text)} is no weekday", hint=f"write {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(text)


def _days(name: str, text: str) -> tuple[NthDay, ...]:
    return tuple(dict.fromkeys(_nth_day(name, word) for word in text.split(",")))


def _nth_day(name: str, word: str) -> NthDay:
    match = _DAY.fullmatch(word)
    if match is None or (match[1] is not None and not 1 <= abs(int(match[1])) <= 53):
        raise ScheduleError(
            f"{name} {in_quotes(word)} is no weekday",
            hint="write MO, TU, WE, TH, FR, SA, SU, with a number 1MO for the first or -1FR for the last",
        )
    return WEEKDAYS.index(match[2]), int(match[1] or 0)


def _until(name: str, text: str) -> Until:
    match = _UNTIL.fullmatch(text)
    try:
        if match is not None:
            day = date.fromisoformat(match[1])
            clock = time(23, 59, 59) if match[2] is None else time.fromisoformat(match[2])
            return Until(datetime.combine(day, clock), bool(match[3]))
    except ValueError:
        pass  # a day or an hour that there is not; reported like any other bad word
    raise ScheduleError(
        f"{name} {in_quotes(text)} is no time",
        hint="write 20261224, 20261224T180000 or, for UTC, 20261224T180000Z",
    )


_INSTEAD: Final = {
    "DTSTART": "write the begin as `start:` beside `rrule:`, and the zone as the job's `timezone:`",
    "TZID": "write the zone as the job's `timezone:`",
    "EXDATE": "write the dates under the job's `exclude:`",
    "EXRULE": "write cron expressions under the job's `exclude:`",
    "RDATE": "list further times as `{at: TIME}` beside this entry",
}
"""What to write for what a calendar's file has beside a rule."""


def _other_lines(lines: Sequence[str]) -> ScheduleError:
    """The error for lines of a calendar's file, of which only the rule itself is read."""
    for line in lines:
        if found := _PROPERTY.match(line):
            return ScheduleError(f"{found[0]} does not stand in the rule", hint=_INSTEAD[found[0]])
    return ScheduleError("the rule has more than one line", hint="list each as an entry of its own")


def _unknown_part(name: str) -> ScheduleError:
    if property_name := _PROPERTY.match(name):
        return _other_lines([property_name[0]])
    if name == "BYEASTER":
        message = "BYEASTER is not supported: RFC 5545 has no such part"
        return ScheduleError(message, hint="list the days: `schedule: [{at: 2027-03-28T09:00}]`")
    near = get_close_matches(name, _READERS, n=1, cutoff=0.6)
    known = f"known are {', '.join(_READERS)}"
    return ScheduleError(
        f"{in_quotes(name)} is no part of a rule", hint=f"did you mean {near[0]}?" if near else known
    )


_READERS: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "FREQ": _freq,
    "INTERVAL": _positive(100_000_000),
    "COUNT": _positive(MAX_COUNT),
    "UNTIL": _until,
    "WKST": _weekday,
    "BYDAY": _days,
    **{name: numbers.read for name, numbers in _LISTS.items()},
}
