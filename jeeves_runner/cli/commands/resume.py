"""``resume``: the end of a pause."""

from contextlib import closing
from datetime import datetime
from typing import Any

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.commands.pause import check_target
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.tables import ago
from jeeves_runner.db import overrides
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.views.job_lookup import live_job
from jeeves_runner.views.jobs import job_view, pause_of_all

ACTOR = "cli"


@click.command("resume")
@click.argument("job_id", metavar="[JOB]", required=False, shell_complete=completion.JOBS)
@click.option("--all", "of_all", is_flag=True, help="End the pause of all jobs; those of single jobs stay.")
@json_option
@pass_app
def command(app: App, job_id: str | None, of_all: bool) -> None:
    """End the pause of JOB, or the one of all jobs. What was missed meanwhile is not caught up."""
    check_target(job_id, of_all)
    with closing(app.connect()) as conn:
        if job_id is not None:
            live_job(conn, job_id)
        with announced_transaction(conn, app.clock) as tx:
            was_paused = overrides.resume(tx, job_id, by=ACTOR)
        now = app.clock.now()
        if job_id is None:
            document: dict[str, Any] = {"paused": pause_of_all(conn, now)}
            answer = _answer_for_all(was_paused, len(overrides.pauses(conn, now).of_jobs))
        else:
            document = job_view(conn, now, job_id)
            answer = _answer(document["job"], was_paused, now)
    if app.json:
        app.print_json(document)
    else:
        app.print(answer)


def _answer_for_all(was_paused: bool, others: int) -> str:
    answer = "The pause of all jobs has ended" if was_paused else "There is no pause of all jobs"
    if not others:
        return f"{answer}."
    stay = "job stays" if others == 1 else "jobs stay"
    return f"{answer}; {others} {stay} paused, see `jeeves-runner status`."


def _answer(job: dict[str, Any], was_paused: bool, now: datetime) -> str:
    name = job["id"]
    if job["paused"] is not None:
        how = "is resumed, but" if was_paused else "has no pause of its own;"
        return f"{name} {how} all jobs are paused: `jeeves-runner resume --all` ends that."
    if not was_paused:
        return f"{name} is not paused."
    if job["next_run"] is None:
        return f"{name} is resumed; nothing is scheduled."
    return f"{name} is resumed; it runs next {ago(job['next_run'], now)}."
