"""What is wrong with a job's schedule, and what may not be meant by it, at its place in the manifest."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from jeeves_runner.clock import to_text
from jeeves_runner.core.manifest.budget import MAX_EXCLUSIONS, MAX_EXPRESSIONS
from jeeves_runner.core.problem import Finding, KeyPath
from jeeves_runner.core.schedule.habits import warnings
from jeeves_runner.core.schedule.schedule import ScheduleError, parse_schedule
from jeeves_runner.core.schedule_entry import entries_of


def check_schedule(
    given: Mapping[str, Any], values: Mapping[str, Any], namespace: str, findings: list[Finding]
) -> int:
    """What it took, in units of ``Schedule.effort``; what is wrong is added to ``findings``.

    ``namespace`` is what the job's times are spread by.
    """
    for key, most in (("schedule", MAX_EXPRESSIONS), ("exclude", MAX_EXCLUSIONS)):
        if len(values[key]) > most:
            message = f"`{key}` has {len(values[key]):,} entries, where {most} are allowed"
            hint = "one field can hold a list, `0,15,40`, and dates a range, `2026-12-24..2027-01-06`"
            findings.append(Finding(path=(key, most), code="schedule", message=message, hint=hint))
            return 0
    try:
        entries = entries_of(values["schedule"])
        return parse_schedule(entries, values["timezone"], namespace, values["exclude"]).effort
    except ScheduleError as error:
        findings.append(_schedule_finding(error, not isinstance(given.get("schedule"), list)))
        return error.effort


def schedule_warnings(
    given: Mapping[str, Any], values: Mapping[str, Any], namespace: str, place: KeyPath, now: datetime | None
) -> Iterator[Finding]:
    """What may not be meant; ``place`` is the way to the job, ``namespace`` as in ``check_schedule``, and
    ``now`` as in ``habits.warnings``."""
    entries = entries_of(values["schedule"])
    several = isinstance(given.get("schedule"), list)
    for habit in warnings(entries, values["timezone"], namespace, values["exclude"], now):
        yield Finding(
            path=(*place, "schedule", habit.place) if several else (*place, "schedule"),
            code=habit.code,
            message=habit.message,
            hint=habit.hint,
            since=None if habit.since is None else to_text(habit.since),
            until=None if habit.until is None else to_text(habit.until),
        )


def _schedule_finding(error: ScheduleError, single: bool) -> Finding:
    path: KeyPath = (error.key,)
    if error.key == "exclude" or (error.key == "schedule" and not single):
        path = (error.key, error.index)
    message = f"`{error.key}`: {error.message}"
    return Finding(path=path, code="schedule", message=message, more=lambda _: (message, error.hint))
