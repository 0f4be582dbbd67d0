"""When jobs catch up after a silence: in the order of their scheduled times, and not all at once."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from jeeves_runner.core.gap import LATE
from jeeves_runner.core.schedule.timetable import Due


class Late(NamedTuple):
    """A job whose occurrences all came while nothing looked."""

    due: Due
    """The occurrences."""
    priority: int
    """The job's: of those with one scheduled time, higher ones go first."""


def is_late(due: Due, now: datetime) -> bool:
    """Whether the newest occurrence, too, is over 5 s old."""
    return due.latest < now - LATE


class CatchingUp:
    """Jobs that are to catch up, each with its moment. All times are aware UTC.

    With a ``spread`` of zero all moments are now. A job's moment is the same whenever the same jobs are late,
    and nothing is recorded before it: what a runner that ends has not come to is late again for the next one.
    """

    def __init__(self, spread: timedelta) -> None:
        self._spread = spread
        self._moments: dict[str, datetime] = {}
        self._late: dict[str, Due] = {}

    def __len__(self) -> int:
        return len(self._late)

    def moments(self) -> Mapping[str, datetime]:
        """The moments by job, the first ones first, as they are now."""
        return dict(self._moments)

    def add(self, late: Iterable[Late], now: datetime) -> None:
        """Give each of these jobs, which share one silence, its moment: evenly spaced over the spread.

        One that has a moment keeps it."""
        ordered = sorted(late, key=lambda each: (each.due.latest, -each.priority, each.due.job_id))
        moments = dict(self._moments)
        for n, (due, _) in enumerate(ordered):
            moments.setdefault(due.job_id, now + self._spread * n / len(ordered))
            self._late[due.job_id] = self.joined(replace(due, looked_at=now))
        self._moments = dict(
            sorted(moments.items(), key=lambda each: each[1])
        )  # of one moment, in this order

    def due(self, now: datetime, limit: int) -> list[Due]:
        """Up to ``limit`` jobs whose moment has come, the first ones first; they are forgotten here."""
        found: list[Due] = []
        for job_id, moment in self._moments.items():
            if moment > now or len(found) == limit:
                break
            found.append(self._late[job_id])
        for due in found:
            self.drop(due.job_id)
        return found

    def joined(self, due: Due) -> Due:
        """What has just come due, with what its job has yet to catch up: that waits no longer."""
        before = self._late.get(due.job_id)
        self.drop(due.job_id)
        if before is None or before.schedule is not due.schedule:
            return due
        return replace(due, first=before.first, count=before.count + due.count, looked_at=before.looked_at)

    def next_wake(self) -> datetime | None:
        """The next moment."""
        return next(iter(self._moments.values()), None)

    def drop(self, job_id: str) -> None:
        """Forget a job, whose row says when it is due; unknown ids are ignored."""
        self._late.pop(job_id, None)
        self._moments.pop(job_id, None)

    def clear(self) -> None:
        """Forget all of them."""
        self._late.clear()
        self._moments.clear()
