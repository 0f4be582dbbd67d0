"""What a server would decide about an occurrence that has passed, if it looked now."""

from datetime import UTC, datetime

from jeeves_runner.core.gap import catch_up
from jeeves_runner.core.model import Reason
from jeeves_runner.core.run import PausedTime, SkippedTime
from jeeves_runner.core.schedule.schedule import Schedule
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.core.why.facts import JobFacts

_FOR_GOOD = datetime.max.replace(tzinfo=UTC)


def reason_of_next(
    facts: JobFacts,
    schedule: Schedule,
    occurrence: datetime,
    now: datetime,
    looked_at: datetime | None = None,
) -> Reason | None:
    """Why it would not run; None if it would. By the function that decides: of all that has come since the
    last look, with the pause that is in force and the skips. ``looked_at``: when it was found to be late."""
    since = facts.undecided_since
    first, latest = schedule.next_after(since), schedule.latest(since, now)
    if first is None or latest is None:
        return None
    due = Due(
        job_id=facts.id,
        schedule=schedule,
        first=first,
        latest=latest,
        count=schedule.count(since, now),
        looked_at=looked_at,
    )
    pauses = () if facts.pause is None else (PausedTime(since, facts.pause.until or _FOR_GOOD),)
    skips = tuple(SkippedTime(when, reason) for when, reason in facts.skips.items())
    plan = catch_up(due, facts.catch_up, facts.catch_up_window, now, pauses, skips)
    return next((each.reason for each in plan.left_out if each.first <= occurrence <= each.last), None)
