"""What comes of one job, with what its clocks have to do with it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import apsw

from jeeves_runner.clock import from_text
from jeeves_runner.core.instants import on_clocks
from jeeves_runner.core.why.clock_words import clock_part
from jeeves_runner.core.why.facts import Asked
from jeeves_runner.db.timetable_rows import TimetableRow, schedule_of, timetable_rows
from jeeves_runner.views.occurrences import next_view

_SECOND = timedelta(seconds=1)


class ComingRun(NamedTuple):
    """An occurrence that will run."""

    scheduled_for: str
    """When."""
    clocks: str | None
    """What it means that the clocks of its zone are set at that moment, or were since the one before; None:
    nothing."""


def coming_runs(conn: apsw.Connection, now: datetime, job_id: str, count: int) -> Sequence[ComingRun]:
    """The next ``count`` occurrences of a job that are neither paused nor skipped."""
    found = next_view(conn, now, job_id=job_id, count=count)["occurrences"]
    row = next(timetable_rows(conn, [job_id]), None)
    if row is None:
        return []
    zone, before, coming = ZoneInfo(row.timezone), now, []
    for each in found:
        when = from_text(each["scheduled_for"])
        words = _at_a_change(row, when, now) or _since_a_change(zone, before, when)
        coming.append(ComingRun(each["scheduled_for"], words))
        before = when
    return coming


def _at_a_change(row: TimetableRow, when: datetime, now: datetime) -> str | None:
    parts = clock_part(Asked(when, when + _SECOND), when, schedule_of(row), row.timezone, now)
    return parts[0].text if parts else None


def _since_a_change(zone: ZoneInfo, before: datetime, when: datetime) -> str | None:
    old, new = (on_clocks(time, zone).utcoffset() or timedelta() for time in (before, when))
    if old == new:
        return None
    way = "forward" if new > old else "back"
    return f"Clocks of {zone.key} have gone {way} {_length(abs(new - old))} by then."


def _length(shift: timedelta) -> str:
    minutes = round(shift / timedelta(minutes=1))
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
