"""Runs: lists without output, single runs with all that is recorded of them."""

import json
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import apsw

from jeeves_runner.core.model import BAD
from jeeves_runner.db import run_list, runs

Row = dict[str, Any]

PAGE: Final = 50
"""How many runs a document holds unless the request says another number."""

_STREAK: Final = 100


def runs_view(
    conn: apsw.Connection,
    *,
    job_id: str | None = None,
    status: str | None = None,
    before: int | None = None,
    limit: int,
) -> Row:
    """``{runs}``: up to ``limit``, newest first: of a job (deleted or not), of a status, before a run."""
    return {"runs": runs_of(conn, job_id=job_id, status=status, before=before, limit=limit)}


def runs_of(
    conn: apsw.Connection,
    *,
    job_id: str | None = None,
    status: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[Row]:
    """The runs themselves, without the document around them."""
    rows = run_list.run_rows(conn, job_id=job_id, status=status, before=before, limit=limit)
    return [_run(row) for row in rows]


def run_view(conn: apsw.Connection, run_id: int) -> Row:
    """``{run}``: everything recorded of a run, its tails and the commit of its revision; NotFound."""
    row = run_list.run_row(conn, run_id)
    if row is None:
        raise runs.unknown_run(conn, run_id)
    return {"run": _run(row)}


def run_log(conn: apsw.Connection, run_id: int) -> tuple[Row, Path | None]:
    """The run of ``run_view`` and its log file, None if it has none (any more); NotFound."""
    run = run_view(conn, run_id)["run"]
    path = None if run["log_path"] is None else Path(run["log_path"])
    return run, path if path is not None and path.is_file() else None


def active_runs(conn: apsw.Connection) -> list[Row]:
    """The runs that run, then those that wait, each the oldest first."""
    return [_run(row) for row in run_list.active_run_rows(conn)]


def failing(conn: apsw.Connection, job_id: str) -> tuple[int, Row]:
    """How many ended runs of a job went badly in a row (at most 100), and the newest of them."""
    rows = run_list.ended_rows(conn, job_id, _STREAK)
    streak = takewhile(lambda row: row["status"] in BAD, rows)
    return sum(1 for _ in streak), _run(rows[0])


def last_attempt(conn: apsw.Connection, run_id: int) -> int:
    """The newest attempt of the chain that begins with a run: the run itself while there is no retry."""
    return run_list.chain_end(conn, run_id)


def tails(run: Mapping[str, Any]) -> str:
    """The end of what a run wrote, as far as its row keeps it: stdout, then stderr."""
    parts = [run["stdout"] or "", run["stderr"] or ""]
    return "".join(part if part.endswith("\n") else f"{part}\n" for part in parts if part)


def _run(row: Row) -> Row:
    row["forced"] = bool(row["forced"])
    row["params"] = _value(row["params"])
    row["result_meta"] = _value(row["result_meta"])
    return row


def _value(text: str | None) -> Any:
    """The JSON of a column; what another program wrote there as no JSON is shown as its text."""
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text
