"""What ``pause``, ``mute`` and their ends have in common: for which jobs, until when, and what is told."""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeVar

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app, utc_option
from jeeves_runner.cli.formats import ago
from jeeves_runner.cli.rows import mute_text, pause_text
from jeeves_runner.cli.syntax import ends
from jeeves_runner.core.durations import End, span_ms
from jeeves_runner.core.instants import later_end
from jeeves_runner.core.model import OverrideKind
from jeeves_runner.db import overrides
from jeeves_runner.db.jobs import ids_with_tag
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.errors import UsageError

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.views.jobs import ListedJobDocument, OverrideDocument

F = TypeVar("F", bound=Callable[..., Any])

_MILLISECOND: Final = timedelta(milliseconds=1)


class Target(NamedTuple):
    """For which jobs, as the command line says it."""

    job_ids: tuple[str, ...]
    """Those that are named."""
    tag: str | None
    """Those that have this tag."""
    of_all: bool
    """All of them."""


class Kind(NamedTuple):
    """One kind of what people set, and its words."""

    kind: OverrideKind
    """Its word in the database, and in sentences."""
    key: Literal["paused", "muted"]
    """What a job is while it holds; documents call it so."""
    all_of: str
    """What the one of all jobs holds for."""
    all_are: str
    """The same as the beginning of a sentence, with its verb."""
    ended: str
    """What a job is once it has ended."""
    end_command: str
    """What ends it."""
    begin: Callable[..., None]
    """Begins it in a transaction."""
    end: Callable[..., bool]
    """Ends it in a transaction; whether there was one."""
    in_force: "Callable[[apsw.Connection, datetime], overrides.Pauses | overrides.Mutes]"
    """All that hold."""
    text: "Callable[[OverrideDocument, datetime, tzinfo], str]"
    """One that holds, for people."""


PAUSE: Final = Kind(
    kind=OverrideKind.PAUSE,
    key="paused",
    all_of="all jobs",
    all_are="All jobs are",
    ended="resumed",
    end_command="resume",
    begin=overrides.pause,
    end=overrides.resume,
    in_force=overrides.pauses,
    text=pause_text,
)
MUTE: Final = Kind(
    kind=OverrideKind.MUTE,
    key="muted",
    all_of="everything",
    all_are="Everything is",
    ended="unmuted",
    end_command="unmute",
    begin=overrides.mute,
    end=overrides.unmute,
    in_force=overrides.mutes,
    text=mute_text,
)


def begins(kind: Kind, all_help: str, text: str) -> click.Command:
    """The command that begins it, which has its word for a name. ``all_help``: what ``--all`` stands for;
    ``text``: what the command does, for people."""

    @click.command(kind.kind.value, help=text)
    @_targets(all_help)
    @ends(kind.kind.value)
    @json_option
    @utc_option
    @pass_app
    def command(
        app: App,
        job_ids: tuple[str, ...],
        tag: str | None,
        of_all: bool,
        until: str | None,
        length: str | None,
        reason: str | None,
    ) -> None:
        _begin(app, kind, Target(job_ids, tag, of_all), until, length, reason)

    return command


def finishes(kind: Kind, all_help: str, text: str) -> click.Command:
    """The command that ends it, in the same way."""

    @click.command(kind.end_command, help=text)
    @_targets(all_help)
    @json_option
    @pass_app
    def command(app: App, job_ids: tuple[str, ...], tag: str | None, of_all: bool) -> None:
        _end(app, kind, Target(job_ids, tag, of_all))

    return command


def _targets(all_help: str) -> Callable[[F], F]:
    """The words that say for which jobs; they arrive as ``job_ids``, ``tag`` and ``of_all``."""

    def add(command: F) -> F:
        jobs = click.argument(
            "job_ids", metavar="[JOB]...", nargs=-1, required=False, shell_complete=completion.JOBS
        )
        tag = click.option("--tag", help="All jobs with this tag, as they are now.")
        of_all = click.option("--all", "of_all", is_flag=True, help=all_help)
        return jobs(of_all(tag(command)))

    return add


def _begin(
    app: App, kind: Kind, target: Target, until: str | None, length: str | None, reason: str | None
) -> None:
    """Begin it, and tell of it."""
    from jeeves_runner.views.jobs import override_of_all

    with closing(app.connect()) as conn:
        now = app.clock.now()
        zone = _clocks(app, conn, target)
        end = end_at(zone, until, length, now)
        if kind is MUTE:
            end = overrides.required_end(end)
        ids = target_ids(conn, target)
        with announced_transaction(conn, app.clock) as tx:
            for job_id in [None] if ids is None else ids:
                kind.begin(tx, job_id, until=end, reason=reason, by=app.actor)
        if app.json:
            app.print_json(_document(conn, now, kind, target, ids))
        elif ids is None:
            app.print(f"{kind.all_are} {_text(kind, override_of_all(conn, kind.kind, now), now, zone)}.")
        else:
            listed = listed_jobs(conn, now, ids)
            app.print_lines([f"{job['id']} is {_text(kind, job[kind.key], now, zone)}."] for job in listed)


def _end(app: App, kind: Kind, target: Target) -> None:
    """End it, and tell of it."""
    with closing(app.connect()) as conn:
        ids = target_ids(conn, target)
        with announced_transaction(conn, app.clock) as tx:
            had = {job_id: kind.end(tx, job_id, by=app.actor) for job_id in ([None] if ids is None else ids)}
        now = app.clock.now()
        if app.json:
            app.print_json(_document(conn, now, kind, target, ids))
        elif ids is None:
            app.print(_answer_for_all(conn, now, kind, had_one=had[None]))
        else:
            app.print_lines(
                [_answer(kind, job, now, had_one=had[job["id"]])] for job in listed_jobs(conn, now, ids)
            )


def target_ids(conn: "apsw.Connection", target: Target) -> list[str] | None:
    """The live jobs that are meant; None: all. UsageError unless it is said in one way, NotFound."""
    from jeeves_runner.views.job_lookup import live_job

    if sum((bool(target.job_ids), target.tag is not None, target.of_all)) != 1:
        raise UsageError("name either jobs, or --tag, or --all")
    if target.of_all:
        return None
    if target.tag is not None:
        return ids_with_tag(conn, target.tag)
    return [live_job(conn, job_id).id for job_id in dict.fromkeys(target.job_ids)]


def _clocks(app: App, conn: "apsw.Connection", target: Target) -> tzinfo:
    """Those of the job, where one alone is named; NotFound."""
    from jeeves_runner.views.job_lookup import timezone_of

    one = len(target.job_ids) == 1 and target.tag is None and not target.of_all
    return app.zone_of(timezone_of(conn, target.job_ids[0])) if one else app.zone


def end_at(zone: tzinfo, until: str | None, length: str | None, now: datetime) -> End | None:
    """The end that ``--until`` or ``--for`` gives; None for neither. UsageError for both."""
    if until is not None and length is not None:
        raise UsageError("--until and --for are two ends; give one of them")
    if length is not None:
        length_ms = span_ms(length, "--for")
        return End(now + length_ms * _MILLISECOND, length_ms)
    if until is None:
        return None
    return later_end(until, now, zone, "--until")


def _document(
    conn: "apsw.Connection", now: datetime, kind: Kind, target: Target, ids: list[str] | None
) -> object:
    """What ``job_documents`` says; of all jobs, what holds for all."""
    from jeeves_runner.views.jobs import override_of_all

    if ids is None:
        return {kind.key: override_of_all(conn, kind.kind, now)}
    return job_documents(conn, now, target, ids)


def job_documents(conn: "apsw.Connection", now: datetime, target: Target, ids: list[str]) -> object:
    """Of one job that was named its own document; of several what ``jobs`` has of them."""
    from jeeves_runner.views.jobs import job_view

    if target.job_ids and len(ids) == 1:
        return job_view(conn, now, ids[0])
    return {"jobs": _of_jobs(conn, now, ids)}


def listed_jobs(conn: "apsw.Connection", now: datetime, ids: Sequence[str]) -> "Sequence[ListedJobDocument]":
    """For sentences; one job alone without a look at all."""
    from jeeves_runner.views.jobs import job_view

    return [job_view(conn, now, ids[0])["job"]] if len(ids) == 1 else _of_jobs(conn, now, ids)


def _of_jobs(conn: "apsw.Connection", now: datetime, ids: Sequence[str]) -> "list[ListedJobDocument]":
    from jeeves_runner.views.jobs import jobs_view

    found = {job["id"]: job for job in jobs_view(conn, now)["jobs"]}
    return [found[job_id] for job_id in ids if job_id in found]


def _text(kind: Kind, found: "OverrideDocument | None", now: datetime, zone: tzinfo) -> str:
    if found is None:  # another program has ended it at once
        return kind.key
    return kind.text(found, now, zone)


def _answer_for_all(conn: "apsw.Connection", now: datetime, kind: Kind, *, had_one: bool) -> str:
    answer = (
        f"The {kind.kind} of {kind.all_of} has ended"
        if had_one
        else f"There is no {kind.kind} of {kind.all_of}"
    )
    others = len(kind.in_force(conn, now).of_jobs)
    if not others:
        return f"{answer}."
    stay = "job stays" if others == 1 else "jobs stay"
    return f"{answer}; {others} {stay} {kind.key}, see `jeeves-runner status`."


def _answer(kind: Kind, job: "ListedJobDocument", now: datetime, *, had_one: bool) -> str:
    name = job["id"]
    if job[kind.key] is not None:
        how = f"is {kind.ended}, but" if had_one else f"has no {kind.kind} of its own;"
        of_all = f"`jeeves-runner {kind.end_command} --all` ends that"
        return f"{name} {how} {kind.all_are.lower()} {kind.key}: {of_all}."
    if not had_one:
        return f"{name} is not {kind.key}."
    if kind.kind is not OverrideKind.PAUSE:
        return f"{name} is {kind.ended}; what is still wrong with it is told once more."
    if job["next_run"] is None and job["starts"]:
        return f"{name} is {kind.ended}; it starts {', and '.join(job['starts'])}."
    if job["next_run"] is None:
        return f"{name} is {kind.ended}; nothing is scheduled."
    return f"{name} is {kind.ended}; it runs next {ago(job['next_run'], now)}."
