"""One run: how it stands, what it wrote, why it came, and what it led to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import apsw
from aiohttp import web

from jeeves_runner.api.requests.runs import RunPath
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.core.alerts.texts import SEQUENCE
from jeeves_runner.core.causes import causes_of, in_words
from jeeves_runner.core.model import JobSpec, SourceType
from jeeves_runner.core.reasons import CAUSES
from jeeves_runner.core.specs import SpecError, job_from_text
from jeeves_runner.core.wording import one_line
from jeeves_runner.dashboard.reproduction import Reproduction, ScriptNow, reproduction
from jeeves_runner.dashboard.run_notes import note_of
from jeeves_runner.dashboard.showing import Read, Sheet, show_once_known
from jeeves_runner.db import jobs, run_list
from jeeves_runner.db.jobs import JobRow
from jeeves_runner.db.run_list import RunRow, WholeRunRow
from jeeves_runner.errors import InvalidValue, NotFound
from jeeves_runner.execute.local.prepare import file_command
from jeeves_runner.side_thread import SILENT
from jeeves_runner.views.lineage import RunLineage, run_lineage_view
from jeeves_runner.views.occurrences import Moments
from jeeves_runner.views.runs import run_view, tails
from jeeves_runner.views.why import WhyDocument, why_view

_ATTEMPTS: Final = 101
"""The first and as many retries as there may be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPage:
    """What is shown."""

    run: WholeRunRow
    """The run."""
    note: str
    """What is to be said of it, in a line."""
    zone: str | None
    """The zone of its job."""
    why: WhyDocument | None
    """Why it came, waits or ended so; None where the job is not known any more."""
    attempts: Sequence[RunRow]
    """All attempts of its chain, oldest first."""
    before: int | None
    """The run of its job before this one."""
    after: int | None
    """The one after it."""
    lineage: RunLineage
    """What led to it, and what it led to."""
    follows_from: str
    """What it follows from besides runs, in words."""
    cause: str | None
    """What its end was asked for, in words."""
    job: JobRow | None
    """Its job as it is now, or was when it was deleted."""
    spec: JobSpec | None
    """What is declared of that."""
    root: str
    """The project root, where it runs if nothing else is said."""
    again: Reproduction
    """How to get the same again."""
    tail: Sequence[str]
    """The last lines that it wrote, for browsers that run no scripts."""


async def run(call: Call[RunPath, Nothing, Nothing]) -> web.Response:
    run_id, services = call.path.run, call.services
    found = run_view(services.conn, run_id)["run"]
    job_id = found["job_id"]
    sheet = Sheet(
        template="run.html",
        title=f"Run {run_id} of {job_id}: {found['status']}",
        here="/runs",
        live=frozenset({"run"}),
        job=job_id,
    )

    async def known() -> Read:
        catching_up = services.catching_up()
        script = await _script_now(call, _spec(jobs.job_row(services.conn, job_id)))
        root = str(services.config.root)
        return lambda conn, now: _read(conn, now, run_id, catching_up, script, root)

    return await show_once_known(call, sheet, known)


def _read(
    conn: apsw.Connection,
    now: datetime,
    run_id: int,
    catching_up: Moments,
    script: ScriptNow | str | None,
    root: str,
) -> RunPage:
    found = run_view(conn, run_id)["run"]
    job = jobs.job_row(conn, found["job_id"])
    spec = _spec(job)
    before, after = run_list.neighbours(conn, found["job_id"], run_id)
    lineage = run_lineage_view(conn, now, run_id)["lineage"]
    return RunPage(
        run=found,
        note=note_of(found),
        zone=None if spec is None else spec.timezone,
        why=_why(conn, now, found, catching_up),
        attempts=run_list.attempts(conn, found["chain_id"] or run_id, _ATTEMPTS),
        before=before,
        after=after,
        lineage=lineage,
        follows_from=_besides_runs(lineage["caused_by"]),
        cause=CAUSES.get(found["cancel_cause"] or "", found["cancel_cause"]),
        job=job,
        spec=spec,
        root=root,
        again=reproduction(found, job, spec, script, root=root),
        tail=_lines(tails(found)),
    )


def _spec(job: JobRow | None) -> JobSpec | None:
    """What is declared of a job; None where another program has written what is no spec."""
    try:
        return None if job is None else job_from_text(job.spec_text)
    except SpecError:
        return None


async def _script_now(call: Call[RunPath, Nothing, Nothing], spec: JobSpec | None) -> ScriptNow | str | None:
    """The file that a job runs, as it is now; in words, why it cannot be read. None: it runs none."""
    if spec is None or spec.source_type is not SourceType.PATH:
        return None
    config = call.services.config
    path = str(Path(config.root, spec.script))
    try:
        command, digest = await call.look(lambda: file_command(path, config.runners, True))
    except InvalidValue as error:
        return error.message
    except OSError as error:
        return error.strerror or SILENT
    return ScriptNow(command, digest)


def _besides_runs(caused_by: object) -> str:
    """What it follows from besides runs, in words."""
    found = causes_of(caused_by)
    return "" if found is None else in_words(found._replace(runs=()))


def _why(conn: apsw.Connection, now: datetime, found: RunRow, catching_up: Moments) -> WhyDocument | None:
    try:
        return why_view(conn, now, found["job_id"], run_id=found["id"], served=True, catching_up=catching_up)
    except NotFound:  # its job is deleted, and so long ago that there is no trace of it
        return None


def _lines(text: str) -> list[str]:
    """As a browser shows them without a script: no colours, and all else that steers as what it is."""
    lines = (SEQUENCE.sub("", line).rstrip("\r").expandtabs() for line in text.rstrip("\n").split("\n"))
    return [one_line(line) for line in lines] if text else []
