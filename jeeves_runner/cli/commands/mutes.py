"""``mute`` and ``unmute``: nothing is said of a job for a time, and it goes on as it does."""

import click

from jeeves_runner.cli import overriding
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.overriding import MUTE, Target


@click.command("mute")
@overriding.targets("Everything, also what has no job, and jobs to come.")
@overriding.ends("mute")
@json_option
@pass_app
def mute(
    app: App,
    job_ids: tuple[str, ...],
    tag: str | None,
    of_all: bool,
    until: str | None,
    length: str | None,
    reason: str | None,
) -> None:
    """Have nobody told of jobs for a time; they run on. What is still wrong at its end is told then.

    It needs an end: --for 2h, or --until 2026-12-24T18:00. Another mute replaces it; a mute of everything
    comes on top of those of single jobs.
    """
    overriding.begin(app, MUTE, Target(job_ids, tag, of_all), until, length, reason)


@click.command("unmute")
@overriding.targets("End the mute of everything; those of single jobs stay.")
@json_option
@pass_app
def unmute(app: App, job_ids: tuple[str, ...], tag: str | None, of_all: bool) -> None:
    """End the mutes of jobs, or the one of everything. What is still wrong is told once more."""
    overriding.end(app, MUTE, Target(job_ids, tag, of_all))
