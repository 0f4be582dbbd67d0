"""``pause`` and ``resume``: no more starts of a job, until a time or until resumed."""

import click

from jeeves_runner.cli import overriding
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.overriding import PAUSE, Target


@click.command("pause")
@overriding.targets("All jobs, those to come as well.")
@overriding.ends("pause")
@json_option
@pass_app
def pause(
    app: App,
    job_ids: tuple[str, ...],
    tag: str | None,
    of_all: bool,
    until: str | None,
    length: str | None,
    reason: str | None,
) -> None:
    """Stop jobs from starting, until a time or until resumed; a run that runs goes on.

    What falls into the pause is skipped and never caught up. Another pause replaces it; a pause of all jobs
    comes on top of those of single ones.
    """
    overriding.begin(app, PAUSE, Target(job_ids, tag, of_all), until, length, reason)


@click.command("resume")
@overriding.targets("End the pause of all jobs; those of single jobs stay.")
@json_option
@pass_app
def resume(app: App, job_ids: tuple[str, ...], tag: str | None, of_all: bool) -> None:
    """End the pauses of jobs, or the one of all jobs. What was missed meanwhile is not caught up."""
    overriding.end(app, PAUSE, Target(job_ids, tag, of_all))
