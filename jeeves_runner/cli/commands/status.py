"""``status``: what needs attention, what runs now and what comes next, on one screen."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from shlex import quote
from typing import Final, cast
from zoneinfo import ZoneInfo

import apsw
import click

from jeeves_runner.cli import exits
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.formats import ago, counted, duration, moment, short_sha, shortened
from jeeves_runner.cli.plan_text import named
from jeeves_runner.cli.reasons import reason_text
from jeeves_runner.cli.rows import RUN_HEADERS, pause_text, run_cells
from jeeves_runner.cli.server import ask, server_of
from jeeves_runner.cli.tables import Prose
from jeeves_runner.cli.terminal import Cell, Styled
from jeeves_runner.clock import to_text
from jeeves_runner.core.model import BAD
from jeeves_runner.core.withheld import WithheldBy
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.run_list import RunRow
from jeeves_runner.db.runner import RunnerRow, too_open_files
from jeeves_runner.errors import ConfigError, DatabaseError
from jeeves_runner.views.jobs import ListedJobDocument, jobs_view
from jeeves_runner.views.occurrences import next_view
from jeeves_runner.views.runner import HealthDocument, StatusDocument, status_view
from jeeves_runner.views.runs import active_runs, failing
from jeeves_runner.views.sync import (
    ConfigChangeDocument,
    HeldDocument,
    ProblemDocument,
    SyncDocument,
    SyncSummary,
    recorded_sync,
    unborn_errors,
)

Row = tuple[Cell, Cell, Cell]

_FEW: Final = 5
_MANY: Final = 10
_SYNC_WORDS: Final = {"in_sync": "in sync", "unwatched": "applied", "held": "in part held"}
_WITHHELD_WORDS: Final[dict[WithheldBy, str]] = {
    "source": "blocked",
    "guard": "blocked",
    "manual": "pending",
    "settling": "pending",
    "incomplete": "waits",
}
_SYNC_ALARMS: Final = frozenset({"blocked", "error", "pending"})


@click.command("status")
@click.option(
    "--check", is_flag=True, help="Print only what is wrong. Exit 1 if anything is, 2 if no server answers."
)
@json_option
@pass_app
@click.pass_context
def command(ctx: click.Context, app: App, check: bool) -> None:
    """Show how the runner and its jobs are: first what needs attention, then what runs and what comes."""
    fault = app.forgive_config()
    with closing(_connect(app, fault)) as conn:
        now = app.clock.now()
        server = server_of(conn)
        if fault is not None and server is None:
            raise fault
        document, sync, is_answered = _documents(app, conn, now, server)
        if fault is not None and sync["config"] is None:  # not noticed yet, or another file than the server's
            app.warn(f"{fault.message}; the server goes on with what it read, and would not start again")
        if app.json:
            app.print_json(document)
        with snapshot(conn):
            if check:
                serves = is_answered and document["status"] == "running"
                ctx.exit(_check(app, conn, now, document, sync, server, serves=serves))
            if not app.json:
                _print_screen(app, conn, now, document, sync, server)


def _connect(app: App, fault: ConfigError | None) -> apsw.Connection:
    """The database. ``fault``, what is wrong with the config, is told in place of what follows from it."""
    try:
        return app.connect()
    except DatabaseError as error:
        raise fault or error from None


def _check(
    app: App,
    conn: apsw.Connection,
    now: datetime,
    status: StatusDocument,
    sync: SyncDocument,
    server: RunnerRow | None,
    *,
    serves: bool,
) -> int:
    """Print what is wrong, for a monitor that reads exit codes. A pause is wanted, and nothing wrong.

    ``serves``: the server has answered, and is not stopping.
    """
    active = active_runs(conn)
    stuck = _lost_rows(active) if server is None else _starved_rows(active, now)
    jobs = jobs_view(conn, now, lambda _: None)["jobs"]
    rows = [*_sync_rows(sync, now), *stuck, *_failing_rows(conn, jobs, now), *_access_rows(app, status)]
    if not app.json:
        if not serves:
            stopped = "no server runs; start it with `jeeves-runner serve`" if server is None else None
            app.print(f"{status['name']}: ", stopped or sync["reason"] or status["status"])
        _print_attention(app, rows)
    if not serves:
        return exits.FAILED
    return exits.UNWELL if rows else exits.OK


def _documents(
    app: App, conn: apsw.Connection, now: datetime, server: RunnerRow | None
) -> tuple[StatusDocument, SyncDocument, bool]:
    """The documents of /status and /sync, and whether the server answered; else they are made of the
    database."""
    if server is not None:
        document = ask(server, "/status")
        # If the first question got no answer in time, the second would wait as long in vain.
        answer = None if document is None else ask(server, "/sync")
        if document is not None and answer is not None:
            return cast(StatusDocument, document), cast(SyncDocument, answer), True
    starting = server is not None and server.is_starting
    stopping = server is not None and server.stopping_at is not None
    if server is None:
        reason = "no server watches the manifests"
    elif starting or stopping:
        reason = f"the server is {'starting' if starting else 'stopping'}"
    else:
        reason = "the server does not answer"
    sync = recorded_sync(conn, reason)
    document = status_view(
        conn,
        now,
        started_at=server.started_at if server else None,
        starting=starting,
        stopping=stopping,
        sync=sync,
        too_open=too_open_files(app.settings.db_path, app.settings.data_dir, app.settings.folder_mode),
    )
    return document, sync, False


def _print_screen(
    app: App,
    conn: apsw.Connection,
    now: datetime,
    status: StatusDocument,
    sync: SyncDocument,
    server: RunnerRow | None,
) -> None:
    """``status`` and ``sync`` are the documents of the routes of that name."""
    _print_head(app, now, status, server)
    active = active_runs(conn)
    stuck = _lost_rows(active) if server is None else _starved_rows(active, now)
    rows = [*_sync_rows(sync, now), *stuck, *_job_rows(conn, now), *_access_rows(app, status)]
    if rows:
        app.print_heading("Needs attention")
        _print_attention(app, rows)
    _print_active(app, active, now, served=server is not None)
    _print_next(app, conn, now)


def _print_head(app: App, now: datetime, status: StatusDocument, server: RunnerRow | None) -> None:
    if server is None:
        state = Styled("stopped", "yellow")
        detail = "; start it with `jeeves-runner serve`"
    elif server.stopping_at is not None:
        state = Styled("stopping", "yellow")
        detail = f" (pid {server.pid}): {_last_work(app, now, status, server.stopping_at)}"
    elif server.is_starting:
        state = Styled("starting", "yellow")
        detail = f" (pid {server.pid}): it takes no requests yet"
    else:
        state = Styled("running", "green")
        where = f", {server.api_url}" if server.api_url else ""
        detail = f" for {duration(status['uptime_ms'])} (pid {server.pid}{where})"
    app.print(f"{status['name']} {status['version']} is ", state, f"{detail}.")
    app.print(f"Manifests: {_sync_text(status['sync'], now)}.")
    app.print(f"Jobs: {_health_text(status['health'])}.")
    if status["health"]["busy_ms"] is not None:
        since = duration(status["health"]["busy_ms"])
        app.print(f"Database: locked by another process for {since}; starts and outcomes wait for it.")


def _last_work(app: App, now: datetime, status: StatusDocument, stopping_at: datetime) -> str:
    """What a server that is stopping still does."""
    count = status["health"]["running"]
    if not count:
        return "nothing runs any more"
    runs = counted(count, "run")
    until = stopping_at + timedelta(milliseconds=app.settings.shutdown_grace_ms)
    if until <= now:
        return f"it ends {runs}"
    text = to_text(until)
    zone = ZoneInfo(app.settings.timezone)
    return f"it starts nothing new and waits for {runs} until {moment(text, zone)} ({ago(text, now)}) at most"


def _sync_text(sync: SyncSummary, now: datetime) -> str:
    if not sync["revision"]:
        parts = ["nothing has been applied yet"]
    else:
        commit = f" (commit {short_sha(sync['commit'])})" if sync["commit"] else ""
        word = _SYNC_WORDS.get(sync["state"], sync["state"])
        if sync["state"] in _SYNC_ALARMS and sync["since"] is not None:
            word = f"{word} since {ago(sync['since'], now)}"
        parts = [f"{word} at revision {sync['revision']}{commit}, checked {ago(sync['checked_at'], now)}"]
    if sync["changes"]:
        parts.append(_waiting(sync["changes"]))
    if sync["reason"]:
        parts.append(sync["reason"])
    return "; ".join(parts)


def _waiting(changes: int) -> str:
    return counted(changes, "change waits", "changes wait")


def _health_text(health: HealthDocument) -> str:
    return (
        f"{health['total_jobs']} declared, {health['running']} running, {health['waiting']} waiting;"
        f" in the last hour {health['ok_last_hour']} ended ok, {health['errors_last_hour']} badly"
    )


def _print_attention(app: App, rows: list[Row]) -> None:
    if rows:
        app.print_table(("WHAT", "WHICH", Prose("WHY")), rows[:_MANY])
    if len(rows) > _MANY:
        app.print(f"and {len(rows) - _MANY} more; see `jeeves-runner jobs` and `jeeves-runner validate`")


def _sync_rows(sync: SyncDocument, now: datetime) -> Iterator[Row]:
    """Manifests that are not applied as they stand. A broken file is one row, with the jobs it holds."""
    if sync["state"] == "error" or (
        sync["state"] in _SYNC_ALARMS and not sync["withheld"] and sync["config"] is None
    ):
        yield Styled(sync["state"], "red"), "manifests", sync["reason"] or _waiting(len(sync["plan"]))
    for withheld in sync["withheld"]:
        rows = [(row["kind"], row["id"]) for row in withheld["rows"]]
        why = f"{withheld['reason']}, since {ago(withheld['since'], now)}"
        if withheld["command"]:
            why += f"; confirm with `{withheld['command']}`"
        yield Styled(_WITHHELD_WORDS[withheld["by"]], "red"), named(rows) or "manifests", why
    if sync["config"] is not None:
        yield _config_row(sync["config"], now)
    held: dict[str, list[HeldDocument]] = {}
    for entry in sync["held"]:
        held.setdefault(entry["file"], []).append(entry)
    errors = [problem for problem in sync["problems"] if problem["severity"] == "error"]
    for file, entries in held.items():
        names = ", ".join(entry["id"] for entry in entries[:3]) + (", …" if len(entries) > 3 else "")
        first = next((_problem_text(error) for error in errors if error["file"] == file), None)
        why = shortened(first or f"{file}: {entries[0]['message']}")
        since = min((entry["since"] for entry in entries if entry["since"]), default=None)
        held_since = f", since {ago(since, now)}" if since else ""
        yield Styled("held", "yellow"), shortened(names), why + held_since
    for error in unborn_errors(sync):
        yield Styled("invalid", "red"), error["file"], shortened(_problem_text(error))


def _config_row(change: ConfigChangeDocument, now: datetime) -> Row:
    since = f"since {ago(change['since'], now)}"
    name = Path(change["path"]).name
    if change["problem"] is not None:
        why = f"{change['problem']}; {since}; the server goes on with what it read, and would not start again"
        return Styled("invalid", "red"), name, why
    why = f"changed {since}: {', '.join(change['settings'])}; restart the server, which goes by what it read"
    return Styled("pending", "red"), name, why


def _problem_text(problem: ProblemDocument) -> str:
    return f"{problem['file']}:{problem['line']}: {problem['message']}"


def _lost_rows(active: list[RunRow]) -> Iterator[Row]:
    """Runs recorded as running although no server is there to run them."""
    for run in active:
        if run["status"] == "running":
            why = f"its server died; the next one settles it, or `jeeves-runner cancel {run['id']}` does"
            yield Styled("lost", "red"), f"run {run['id']} of {run['job_id']}", why


def _job_rows(conn: apsw.Connection, now: datetime) -> Iterator[Row]:
    jobs = jobs_view(conn, now, lambda _: None)["jobs"]
    yield from _failing_rows(conn, jobs, now)
    yield from _paused_rows(jobs, now)


def _failing_rows(conn: apsw.Connection, jobs: list[ListedJobDocument], now: datetime) -> Iterator[Row]:
    """Jobs whose last run ended badly."""
    for job in jobs:
        if job["last_status"] in BAD and job["status"] != "disabled":
            count, run = failing(conn, job["id"])
            times = f" {count} times in a row" if count > 1 else ""
            message = f": {run['message']}" if run["message"] else ""
            when = f"last {ago(run['finished_at'], now)} in run {run['id']}"
            why = f"{job['last_status']}{times}, {when}{message}"
            yield Styled("failing", "red"), job["id"], shortened(why)


def _paused_rows(jobs: list[ListedJobDocument], now: datetime) -> Iterator[Row]:
    paused = [(job["id"], job["paused"]) for job in jobs if job["paused"]]
    of_all = [("all jobs", pause, "--all") for _, pause in paused if pause["all"]][:1]
    of_one = [(job_id, pause, job_id) for job_id, pause in paused if not pause["all"]]
    for which, pause, word in (*of_all, *of_one):
        why = f"{shortened(pause_text(pause, now))}; `jeeves-runner resume {word}` ends it"
        yield Styled("paused", "magenta"), which, why


def _starved_rows(active: list[RunRow], now: datetime) -> Iterator[Row]:
    """Runs that a server does not start because of its disk."""
    waiting = [run for run in active if run["status"] == "scheduled" and run["reason"] == "disk_full"]
    if waiting:
        since = ago(min(run["created_at"] for run in waiting), now)
        why = f"{reason_text(waiting[0], served=True)}, since {since}; make room, or lower min_free"
        yield Styled("waits", "red"), counted(len(waiting), "run"), why


def _access_rows(app: App, status: StatusDocument) -> Iterator[Row]:
    """Files and folders that more people may use than the config says."""
    removed = "go-rwx" if app.settings.data_mode == "0700" else "o-rwx"
    for path, mode in ((each["path"], each["mode"]) for each in status["health"]["too_open"]):
        why = f"its mode {mode} lets more people in than data_mode {app.settings.data_mode}"
        yield Styled("too open", "yellow"), Path(path).name, f"{why}: `chmod {removed} {quote(path)}`"


def _print_active(app: App, runs: list[RunRow], now: datetime, *, served: bool) -> None:
    if not runs:
        return
    app.print_heading("Now")
    app.print_table(RUN_HEADERS, [run_cells(run, now, served=served) for run in runs[:_MANY]])
    if len(runs) > _MANY:
        app.print(f"and {len(runs) - _MANY} more; see `jeeves-runner runs --status running` and `scheduled`")


def _print_next(app: App, conn: apsw.Connection, now: datetime) -> None:
    coming = next_view(conn, now, count=_FEW, once=True)["occurrences"]
    if not coming:
        return
    zone = ZoneInfo(app.settings.timezone)
    app.print_heading("Next")
    app.print_table(
        ("WHEN", "JOB", "TIME"),
        [(ago(o["scheduled_for"], now), o["job_id"], moment(o["scheduled_for"], zone)) for o in coming],
    )
