"""The first page: is it in sync, what is wrong, what runs, what comes, and how the last day went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import apsw
from aiohttp import web

from jeeves_runner.api.past_ends import Slot
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.core.wording import counted
from jeeves_runner.dashboard.of_all import OfAll, of_all
from jeeves_runner.dashboard.run_notes import note_of
from jeeves_runner.dashboard.showing import Read, Sheet, show_once_known
from jeeves_runner.dashboard.strips import Strip, strips
from jeeves_runner.db.alert_facts import usual_ms
from jeeves_runner.db.incident_list import IncidentRow, incident_rows
from jeeves_runner.db.message_list import Trouble, troubles
from jeeves_runner.db.revisions import RevisionRow, revision_rows
from jeeves_runner.db.run_list import RunRow, active_run_rows, newest_ended
from jeeves_runner.views.attention import DeadLetters, dead_letters
from jeeves_runner.views.occurrences import NextRun, OccurrenceDocument, first_view
from jeeves_runner.views.sync import ProblemDocument, SyncDocument, sync_view

_SHEET: Final = Sheet(
    template="overview.html", title="Overview", here="/", live=("run", "sync", "queue", "alert", "other")
)
_NEXT: Final = 10
_LAST: Final = 10
_INCIDENTS: Final = 12
_ACTIVE: Final = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """What is shown."""

    sync: SyncDocument
    """How the live jobs stand against the manifests."""
    mistakes: str
    """How many mistakes the manifests have, in words; empty if they have none."""
    revision: RevisionRow | None
    """What was applied last."""
    of_all: OfAll
    """What holds for all jobs."""
    strips: Sequence[Strip]
    """How the last day went."""
    incidents: Sequence[IncidentRow]
    """What is wrong, newest first."""
    are_more_incidents: bool
    """Whether there are others."""
    troubles: Sequence[Trouble]
    """Channels on which people are not told of it."""
    dead_letters: Sequence[DeadLetters]
    """Queues whose items have failed for good."""
    running: Sequence[RunRow]
    """What runs, the oldest first."""
    waiting: Sequence[tuple[RunRow, str]]
    """What waits, the oldest first, with a note of why."""
    active: int
    """How many run or wait: more than are shown, maybe."""
    usual: Mapping[str, int]
    """How long runs of a job usually take, in milliseconds, where that is known."""
    coming: Sequence[OccurrenceDocument]
    """What comes next, each job once."""
    ended: Sequence[tuple[RunRow, str]]
    """What ended last, newest first, with a note of why so."""


async def overview(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    services = call.services

    async def known() -> Read:
        sync = sync_view(services.sync.status, services.config_file)
        slots = await call.past_ends.last_day(services.clock.now())
        return partial(_read, sync, slots, services.next_run)

    return await show_once_known(call, _SHEET, known)


def _read(
    sync: SyncDocument, slots: Sequence[Slot], next_run: NextRun, conn: apsw.Connection, now: datetime
) -> Overview:
    incidents = incident_rows(conn, now, limit=_INCIDENTS)
    active = active_run_rows(conn)
    running = [run for run in active if run["status"] == "running"][:_ACTIVE]
    return Overview(
        sync=sync,
        mistakes=_mistakes(sync["problems"]),
        revision=next(iter(revision_rows(conn, before=None, limit=1)), None),
        of_all=of_all(conn, now),
        strips=strips(slots),
        incidents=incidents.rows,
        are_more_incidents=incidents.more,
        troubles=troubles(conn, now),
        dead_letters=dead_letters(conn, now),
        running=running,
        waiting=_noted([run for run in active if run["status"] == "scheduled"][:_ACTIVE]),
        active=len(active),
        usual=_usual(conn, running),
        coming=first_view(conn, now, next_run, count=_NEXT, once=True),
        ended=_noted(newest_ended(conn, _LAST)),
    )


def _noted(runs: Sequence[RunRow]) -> Sequence[tuple[RunRow, str]]:
    return [(run, note_of(run)) for run in runs]


def _mistakes(problems: Sequence[ProblemDocument]) -> str:
    files = [problem["file"] for problem in problems if problem["severity"] == "error"]
    if not files:
        return ""
    return f"{counted(len(files), 'mistake')} in {counted(len(set(files)), 'manifest')}"


def _usual(conn: apsw.Connection, runs: Sequence[RunRow]) -> dict[str, int]:
    found = {job_id: usual_ms(conn, job_id) for job_id in {run["job_id"] for run in runs}}
    return {job_id: length for job_id, length in found.items() if length}
