"""A run as a command line names it: by its number, or by its job, of which the latest is meant."""

from typing import TYPE_CHECKING, Any, Final

import click

from jeeves_runner.core.values import is_id
from jeeves_runner.errors import Conflict, NotFound

if TYPE_CHECKING:
    import apsw

_LONGEST: Final = 18
"""Digits of a number that is one of a run."""


class RunOrJob(click.ParamType[Any]):
    """The number of a run as an int, or the id of a job. A word of digits alone is the number of a run."""

    name = "RUN|JOB"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if isinstance(value, int):
            return value
        if value.isascii() and value.isdigit() and len(value) <= _LONGEST and int(value) > 0:
            return int(value)
        if value.isdigit() or not is_id(value):
            self.fail(f"{value!r} is neither the number of a run nor the id of a job.", param, ctx)
        return str(value)


RUN_OR_JOB: Final = RunOrJob()


def latest_run(conn: "apsw.Connection", word: int | str) -> int:
    """The run of that number; of a job the latest one, whatever became of it. NotFound."""
    if isinstance(word, int):
        return word
    from jeeves_runner.db.run_list import run_rows
    from jeeves_runner.views.job_lookup import check_known

    check_known(conn, word)
    return _first([run["id"] for run in run_rows(conn, job_id=word, limit=1).rows], word)


def run_to_read(conn: "apsw.Connection", word: int | str, *, waits: bool) -> int:
    """The same for one whose output is wanted: of a job the one that runs, else with ``waits`` one
    that waits, else the latest that has started. NotFound."""
    if isinstance(word, int):
        return word
    from jeeves_runner.db.run_list import active_run_rows, ended_rows

    active = [run for run in active_run_rows(conn) if run["job_id"] == word]
    running = [run["id"] for run in active if run["status"] == "running"]
    if running:
        return running[-1]
    if waits and active:
        return active[0]["id"]
    ended = ended_rows(conn, word, 1)
    return ended[0]["id"] if ended else latest_run(conn, word)


def run_to_end(conn: "apsw.Connection", word: int | str) -> int:
    """The same for one that is to end: of a job the one that runs or waits. Conflict if there is none, or if
    there are several: which of them is meant is for a person to say."""
    if isinstance(word, int):
        return word
    from jeeves_runner.db.run_list import active_run_rows
    from jeeves_runner.views.job_lookup import check_known

    check_known(conn, word)
    active = [run for run in active_run_rows(conn) if run["job_id"] == word]
    if not active:
        raise Conflict(
            f"no run of {word} runs or waits", hint=f"`jeeves-runner runs {word}` lists what it did"
        )
    if len(active) > 1:
        states = ", ".join(
            f"run {run['id']} {'runs' if run['status'] == 'running' else 'waits'}" for run in active
        )
        raise Conflict(
            f"{word} has {len(active)} runs that have not ended: {states}",
            hint=f"name one: `jeeves-runner cancel {active[0]['id']}`",
        )
    return active[0]["id"]


def _first(ids: list[int], job_id: str) -> int:
    if not ids:
        raise NotFound(f"{job_id} has not run yet", hint=f"`jeeves-runner next {job_id}` says when it does")
    return ids[0]
