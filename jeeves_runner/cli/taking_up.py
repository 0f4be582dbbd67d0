"""What becomes of runs that were asked for: the server decides within milliseconds, and tells when it has."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from jeeves_runner.cli.reasons import reason_text
from jeeves_runner.cli.rows import status_cell, whole_run_note
from jeeves_runner.cli.server import ask
from jeeves_runner.cli.terminal import Cell

if TYPE_CHECKING:
    from datetime import datetime

    import apsw

    from jeeves_runner.clock import Clock
    from jeeves_runner.db.run_list import WholeRunRow
    from jeeves_runner.db.runner import RunnerRow

_PATIENCE: Final = 1.0
"""Seconds for the server to decide about all of them. One that has not by then is busy: it is said then that
it was asked."""


def taken_up(
    conn: "apsw.Connection", clock: "Clock", server: "RunnerRow", run_ids: Sequence[int]
) -> "list[WholeRunRow]":
    """The runs as they are once the server has decided about all of them, or after a second."""
    until = clock.monotonic() + _PATIENCE
    return [_taken_up(conn, server, run_id, until - clock.monotonic()) for run_id in run_ids]


def _taken_up(conn: "apsw.Connection", server: "RunnerRow", run_id: int, left: float) -> "WholeRunRow":
    from jeeves_runner.views.runs import run_view

    run = run_view(conn, run_id)["run"]
    if run["status"] != "scheduled" or run["reason"] is not None or left <= 0:
        return run
    ask(server, f"/runs/{run_id}?wait={left * 1000:.0f}ms&until=decision")
    return run_view(conn, run_id)["run"]


def end_verb(run: "WholeRunRow") -> str:
    """What stands before the status of a run that is over: ``ended`` ok, ``was`` skipped."""
    return "was" if run["started_at"] is None else "ended"


def became(run: "WholeRunRow", now: "datetime") -> list[Cell]:
    """A sentence of what became of a run that was asked for, as the parts of a line."""
    name, number = f"Run {run['id']} of {run['job_id']}", run["id"]
    if run["status"] == "running":
        return [f"{name} is ", status_cell("running"), f"; `jeeves-runner logs {number} -f` follows it."]
    if run["status"] != "scheduled":
        note = whole_run_note(run, now, served=True)
        return [f"{name} {end_verb(run)} ", status_cell(run["status"]), f": {note}." if note else "."]
    if reason := reason_text(run, now, served=True):
        return [f"{name} {reason}; `jeeves-runner run {number}` shows it."]
    return [f"{name} is asked for; `jeeves-runner run {number}` shows it."]
