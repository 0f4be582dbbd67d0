"""Which times the schedule and the clocks of a job set for one run of it."""

from datetime import UTC, datetime, timedelta
from typing import Final

from jeeves_runner.core.alert_spec import Expect
from jeeves_runner.core.alerts.texts import zone_of
from jeeves_runner.core.instants import on_clocks
from jeeves_runner.core.schedule.schedule import Schedule, ScheduleError, parse_schedule

_NONE: Final = timedelta(0)


def end_by(since: datetime, expect: Expect, zone: str) -> datetime | None:
    """When a run has ended: at the first such time on the clocks of the zone after ``since``, its scheduled
    time; or its start, where it has none.

    A time that the clocks skip is when they have skipped it, as for schedules. None also for a text that is
    no time, or a zone that is none: rows may be changed by hand.
    """
    if expect.finish_by is None:
        return None
    hour, _, minute = expect.finish_by.partition(":")
    try:
        daily = parse_schedule([f"{minute} {hour} * * *"], zone, "")
    except ScheduleError:
        return None
    found = daily.next_after(since)
    again = _second_of_a_fold(since, int(hour), int(minute), zone)
    if again is not None and since < again and (found is None or again < found):
        return again
    return found


def _second_of_a_fold(near: datetime, hour: int, minute: int, zone: str) -> datetime | None:
    """The second time at which clocks that are set back show this, on the day of ``near``."""
    local = on_clocks(near, zone_of(zone))
    again = local.replace(hour=hour, minute=minute, second=0, microsecond=0, fold=1)
    first = again.replace(fold=0)
    shift = (again.utcoffset() or _NONE) - (first.utcoffset() or _NONE)
    return again.astimezone(UTC) if shift < _NONE else None


def interval(schedule: Schedule, scheduled_for: datetime) -> timedelta | None:
    """The time from an occurrence to the next one; None: there is none."""
    following = schedule.next_after(scheduled_for)
    return None if following is None else following - scheduled_for
