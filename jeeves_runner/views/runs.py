"""Runs: lists without output, single runs with all that is recorded of them."""

from datetime import datetime
from typing import NotRequired, TypedDict

import apsw

from jeeves_runner.db import run_list, runs
from jeeves_runner.db.run_list import RunRow, WholeRunRow


class RunsDocument(TypedDict):
    """Runs, newest first."""

    runs: list[RunRow]
    """Without what they wrote."""
    next_before: NotRequired[int]
    """The ``before`` of the next page, if others follow."""


class RunDocument(TypedDict):
    """One run."""

    run: WholeRunRow
    """With the tails of what it wrote."""


class ResultDocument(TypedDict):
    """A run that was waited for, and has ended."""

    result: WholeRunRow
    """The last attempt, with the tails of what it wrote."""


class TriggeredDocument(TypedDict):
    """Runs that were asked for together."""

    runs: list[WholeRunRow]
    """One of each job; of those that were waited for the last attempt."""


def runs_view(
    conn: apsw.Connection,
    *,
    job_id: str | None = None,
    status: str | None = None,
    before: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
    room: int | None = None,
) -> RunsDocument:
    """``{runs}``: up to ``limit``, newest first: of a job (deleted or not), of a status, before a run,
    entered from ``since`` on and before ``until``.

    As many as have ``room`` in characters of their parameters and results, but one at least; ``next_before``
    if others follow.
    """
    found = run_list.run_rows(
        conn, job_id=job_id, status=status, before=before, since=since, until=until, limit=limit, room=room
    )
    document: RunsDocument = {"runs": found.rows}
    if found.more:
        document["next_before"] = found.rows[-1]["id"]
    return document


def run_view(conn: apsw.Connection, run_id: int) -> RunDocument:
    """``{run}``: everything recorded of a run, its tails and the commit of its revision; NotFound."""
    row = run_list.run_row(conn, run_id)
    if row is None:
        raise runs.unknown_run(conn, run_id)
    return {"run": row}


def active_runs(conn: apsw.Connection) -> list[RunRow]:
    """The runs that run, then those that wait, each the oldest first."""
    return run_list.active_run_rows(conn)


def last_attempt(conn: apsw.Connection, run_id: int) -> int:
    """The newest attempt of the chain that begins with a run: the run itself while there is no retry."""
    return run_list.chain_end(conn, run_id)


def tails(run: WholeRunRow) -> str:
    """The end of what a run wrote, as far as its row keeps it: stdout, then stderr."""
    parts = [run["stdout"] or "", run["stderr"] or ""]
    return "".join(part if part.endswith("\n") else f"{part}\n" for part in parts if part)
