"""What becomes of runs that were asked for: the server decides within milliseconds, which is waited for."""

from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING, Final

from jeeves_runner.cli.reasons import reason_text
from jeeves_runner.cli.rows import status_cell, whole_run_note
from jeeves_runner.cli.terminal import Cell

if TYPE_CHECKING:
    from datetime import datetime

    import apsw

    from jeeves_runner.db.run_list import WholeRunRow

_STEP: Final = 0.005
"""Seconds between two looks at the rows, each of which costs some microseconds."""

_LOOKS: Final = 200
"""A server that has not decided by then is busy, and the answer is that it is asked."""


def taken_up(conn: "apsw.Connection", run_ids: Sequence[int]) -> "list[WholeRunRow]":
    """The runs as they are once the server has decided about all of them, or after a second."""
    from jeeves_runner.views.runs import run_view

    still = Event()
    for _ in range(_LOOKS):
        runs = [run_view(conn, run_id)["run"] for run_id in run_ids]
        if all(run["status"] != "scheduled" or run["reason"] is not None for run in runs):
            break
        still.wait(_STEP)
    return runs


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
