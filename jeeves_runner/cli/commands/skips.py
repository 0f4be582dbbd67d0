"""``skip`` and ``unskip``: one occurrence of a job does not run, and the others do."""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app, say, utc_option
from jeeves_runner.cli.each_job import for_each
from jeeves_runner.cli.formats import relative, timestamp
from jeeves_runner.cli.overriding import Target, job_documents, listed_jobs, target_ids
from jeeves_runner.core.instants import on_clocks
from jeeves_runner.db import skipping
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import Conflict, JeevesError, NothingToSkip, NotSkipped, UsageError

if TYPE_CHECKING:
    from jeeves_runner.views.jobs import ListedJobDocument

F = TypeVar("F", bound=Callable[..., Any])


class Given(NamedTuple):
    """What the command line says."""

    target: Target
    """For which jobs."""
    time: str | None
    """The occurrence, as it is written; None: the next one, or all that are skipped."""


class Said(NamedTuple):
    """What people are told, each behind the id of a job."""

    before: str
    """What holds now, up to the time."""
    behind: str
    """The rest of that."""
    undone: str
    """What holds because a job has refused, as the beginning of a sentence."""
    none: str
    """What no job of a tag does if none has anything to it."""


def _words(command: F) -> F:
    """The words that say for which jobs and times; they arrive as ``words`` and ``tag``."""
    words = click.argument(
        "words", metavar="[JOB] [TIME]", nargs=-1, required=False, shell_complete=completion.JOBS
    )
    tag = click.option("--tag", help="All jobs with this tag, as they are now; then only TIME is named.")
    return words(tag(command))


@click.command("skip")
@_words
@click.option("--reason", help="Shown wherever the skip is, and by the row of the occurrence.")
@json_option
@utc_option
@pass_app
def skip(app: App, words: tuple[str, ...], tag: str | None, reason: str | None) -> None:
    """Let JOB not run at TIME, an occurrence of it; without TIME, at the next one at which it would run.

    TIME is on the clocks of the job, unless it has an offset. The occurrence is recorded as skipped, and
    never caught up. A run that waits or runs is ended by `cancel`.
    """
    given = _understood(words, tag)

    def act(tx: Tx, job_id: str) -> list[datetime]:
        return [skipping.skip(tx, job_id, given.time, reason=reason, by=app.actor)]

    because = f": {reason}" if reason else ""
    _do(app, given, act, Said("skips", because, "nothing is skipped", "occurs then"))


@click.command("unskip")
@_words
@json_option
@utc_option
@pass_app
def unskip(app: App, words: tuple[str, ...], tag: str | None) -> None:
    """Take back what JOB is to skip: at TIME, or all that is yet to come."""
    given = _understood(words, tag)

    def act(tx: Tx, job_id: str) -> list[datetime]:
        return skipping.unskip(tx, job_id, given.time, by=app.actor)

    _do(app, given, act, Said("does not skip", " any more", "nothing is taken back", "skips that"))


def _understood(words: Sequence[str], tag: str | None) -> Given:
    named = words if tag is None else ("", *words)
    if not named or len(named) > 2:
        raise UsageError(
            "name one job, or --tag, and one time at most", hint="for example: skip backup 2026-12-24T02:30"
        )
    target = Target(() if tag is not None else (named[0],), tag, False)
    return Given(target, named[1] if len(named) == 2 else None)


def _do(app: App, given: Given, act: Callable[[Tx, str], list[datetime]], said: Said) -> None:
    """Do it for each of the jobs, and tell of it. One of a tag that has nothing to it says so; if none has,
    that is an error, and if one refuses, nothing is done."""
    tag = given.target.tag
    idle: dict[str, JeevesError] = {}
    with closing(app.connect()) as conn:
        ids = target_ids(conn, given.target) or []
        with announced_transaction(conn, app.clock) as tx:

            def act_if_there_is_anything(job_id: str) -> list[datetime]:
                try:
                    return act(tx, job_id)
                except (NothingToSkip, NotSkipped) as nothing:
                    if tag is None:
                        raise
                    idle[job_id] = nothing
                    return []

            done = for_each(ids, act_if_there_is_anything, undone=said.undone)
            if len(idle) == len(ids):
                for each in idle.values():
                    say(each.message)
                raise Conflict(f"{said.undone}: no job with the tag {tag} {said.none}")
        now = app.clock.now()
        if app.json:
            app.print_json(job_documents(conn, now, given.target, ids))
            return
        for job in listed_jobs(conn, now, ids):
            name = job["id"]
            times = [_at(app, job, each, now) for each in done[name]]
            app.print_lines([f"{name} {said.before} {time}{said.behind}."] for time in times)
            if not times:
                app.print(f"{idle[name].message}." if name in idle else f"{name} skips nothing.")


def _at(app: App, job: "ListedJobDocument", when: datetime, now: datetime) -> str:
    """A time on the job's clocks, and how far it is."""
    return f"{timestamp(on_clocks(when, app.zone_of(job['timezone'])))} ({relative(when, now)})"
