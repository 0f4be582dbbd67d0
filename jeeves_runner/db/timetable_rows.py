"""What decides when jobs are due, read from the ``jobs`` table."""

import json
import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import apsw

from jeeves_runner.clock import from_text
from jeeves_runner.core.schedule.schedule import Schedule, ScheduleError, parse_schedule
from jeeves_runner.core.schedule_entry import ScheduleEntry, entries_of
from jeeves_runner.core.wrong_clock import is_far_ahead, undecided_since

log = logging.getLogger(__name__)


class TimetableRow(NamedTuple):
    """What decides when a job is due. Fields that ``JobRow`` has too are the same there."""

    id: str
    """The job's id."""
    enabled: bool
    """Whether the manifest has it scheduled."""
    deleted: bool
    """Whether it is a tombstone."""
    schedule: tuple[ScheduleEntry, ...]
    """As written; empty: never due by itself."""
    timezone: str
    """The IANA zone of schedule and exclusions."""
    exclude: tuple[str, ...]
    """What is no occurrence: local dates, date ranges and cron expressions, as written."""
    namespace: str
    """What ``H`` in the schedule is spread by."""
    schedule_since: str
    """Occurrences at or before this do not count; as the database's text."""
    decided_until: str | None
    """The watermark, in the same form."""
    priority: int = 0
    """Of jobs that catch up for one time, higher ones go first."""

    def undecided_since(self, now: datetime) -> datetime:
        """The time after which its occurrences still come."""
        return undecided_since(_time(self.schedule_since), self._watermark, now)

    def is_decided_far_ahead(self, now: datetime) -> bool:
        """Whether a clock that was wrong has written its watermark."""
        return is_far_ahead(self._watermark, now)

    @property
    def _watermark(self) -> datetime | None:
        return None if self.decided_until is None else _time(self.decided_until)


_TIMETABLE = (
    "SELECT id, enabled, deleted_at IS NOT NULL, spec ->> '$.schedule', timezone, spec ->> '$.exclude',"
    " namespace, schedule_since, decided_until, spec ->> '$.priority' FROM jobs"
)


def timetable_rows(conn: apsw.Connection, ids: Sequence[str] | None = None) -> Iterator[TimetableRow]:
    """The rows of these jobs, or of all live ones.

    Unknown ids are left out. So is a row that was damaged by hand, with a word in the log.
    """
    if ids is None:
        rows = conn.execute(_TIMETABLE + " WHERE deleted_at IS NULL ORDER BY id")
    else:
        rows = conn.execute(_TIMETABLE + " WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),))
    for row in rows:
        try:
            yield _timetable_row(row)
        except (ValueError, TypeError) as error:
            log_damage(row[0], error)


def schedule_of(row: TimetableRow | None) -> Schedule | None:
    """When a job is due; None without a row, or where it was changed by hand to what is no schedule."""
    if row is None:
        return None
    try:
        return parse_schedule(row.schedule, row.timezone, row.namespace, row.exclude)
    except ScheduleError:
        return None


def log_damage(job_id: str, error: Exception) -> None:
    """Say in the log what ``db.jobs.damaged_job`` says to a caller, and what is wrong with the row."""
    log.error("job %s cannot run until an apply has healed its row: %s", job_id, error)


def _timetable_row(row: Sequence[Any]) -> TimetableRow:
    """ValueError or TypeError for a row that tells no timetable."""
    for time in (row[7], row[8]):
        if time is not None:
            _time(time)
    return TimetableRow(
        row[0],
        bool(row[1]),
        bool(row[2]),
        _entries(row[3]),
        row[4],
        _exclude(row[5]),
        row[6],
        row[7],
        row[8],
        row[9] if isinstance(row[9], int) else 0,
    )


# Of a hundred thousand jobs, many are written alike, and applied or decided about at one time.
_time = lru_cache(maxsize=4096)(from_text)


@lru_cache(maxsize=16384)
def _entries(column: str | None) -> tuple[ScheduleEntry, ...]:
    return entries_of(None if column is None else json.loads(column))


@lru_cache(maxsize=1024)
def _exclude(column: str | None) -> tuple[str, ...]:
    """ValueError where the spec has something else than a list of texts."""
    values = None if column is None else json.loads(column)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("its spec has no list of texts as `exclude`")
    return tuple(values)
