"""What is taken out of a schedule: dates, ranges of dates, and the times of cron expressions.

Exclusions are matched against the local time a schedule names, before clock shifts are looked at:
what is excluded at 02:30 stays excluded when 02:30 is skipped or repeated.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache

from jeeves_runner.core.schedule.cron import Cron, joined_times
from jeeves_runner.core.schedule.cron_fields import ScheduleError
from jeeves_runner.core.schedule.day_times import ALL_DAY
from jeeves_runner.core.schedule.days import DayRule, month_shape
from jeeves_runner.core.wording import in_quotes

DateRange = tuple[date, date]
"""First and last excluded day, both included."""

Active = int
"""Which of the rules match a day: bit n stands for the n-th."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DAY = timedelta(days=1)


def parse_dates(text: str) -> DateRange:
    """``2026-12-25`` or ``2026-12-24..2026-12-26``; raises :class:`ScheduleError`."""
    first_text, dots, last_text = text.partition("..")
    first = _parse_date(first_text.strip(), text)
    last = _parse_date(last_text.strip(), text) if dots else first
    if last < first:
        raise ScheduleError(
            f"{in_quotes(text)} ends before it begins", hint=f"write {last}..{first}", key="exclude"
        )
    return first, last


def _parse_date(word: str, text: str) -> date:
    try:
        if _DATE.fullmatch(word):
            return date.fromisoformat(word)
    except ValueError:
        pass  # a day that no calendar has; reported like any other bad word
    raise ScheduleError(
        f"{in_quotes(text)} is neither a date nor a cron expression",
        hint="write 2026-12-25, 2026-12-24..2026-12-26 or a cron expression such as '* * 25 12 *'",
        key="exclude",
    )


class Exclusions:
    """Excluded dates, and times of day that are excluded on the days of rules.

    Jobs that exclude the same share one object. Which rules match a day is computed once for each of
    the 91 forms a month can have.
    """

    __slots__ = ("_firsts", "_months", "_rules", "ranges")

    def __init__(self, ranges: Iterable[DateRange], crons: Iterable[Cron]) -> None:
        self.ranges = _merged(ranges)
        self._firsts = [first for first, _ in self.ranges]
        rules: dict[DayRule, tuple[Cron, ...]] = {}
        for cron in crons:
            rules[cron.days] = (*rules.get(cron.days, ()), cron)
        self._rules = tuple(rules.items())
        self._months: dict[tuple[int, int, int], list[Active]] = {}

    @property
    def rules(self) -> int:
        """How many rules there are."""
        return len(self._rules)

    @property
    def by_time(self) -> bool:
        """Whether anything but whole dates is excluded."""
        return bool(self._rules)

    def range_at(self, day: date) -> DateRange | None:
        """The range of excluded dates around ``day``."""
        place = bisect_right(self._firsts, day) - 1
        return self.ranges[place] if place >= 0 and day <= self.ranges[place][1] else None

    def active_in(self, year: int, month: int) -> list[Active]:
        """The rules that match each day of a month, the first day at place 0."""
        shape = month_shape(year, month)
        found = self._months.get((month, *shape))
        if found is None:
            found = self._months[month, *shape] = [0] * shape[1]
            for place, (rule, _) in enumerate(self._rules):
                for day in rule.days_of(year, month):
                    found[day - 1] |= 1 << place
        return found

    def active_on(self, day: date) -> Active:
        return self.active_in(day.year, day.month)[day.day - 1]

    def crons_of(self, active: Active) -> tuple[Cron, ...]:
        """The expressions of these rules."""
        return tuple(
            cron for place, (_, crons) in enumerate(self._rules) if active >> place & 1 for cron in crons
        )

    def times_on(self, day: date) -> int:
        """The excluded times of a day, as ``day_times`` writes them."""
        if self.range_at(day) is not None:
            return ALL_DAY
        active = self.active_on(day)
        return covered(self, active) if active else 0


@lru_cache(maxsize=1024)
def covered(exclusions: Exclusions, active: Active) -> int:
    """The times of day that these rules cover together; cached for some only, as the times of expressions."""
    return joined_times(exclusions.crons_of(active))


def _merged(ranges: Iterable[DateRange]) -> list[DateRange]:
    """Sorted, with ranges that touch or overlap joined."""
    merged: list[DateRange] = []
    for first, last in sorted(ranges):
        if merged and first - merged[-1][1] <= _DAY:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged
