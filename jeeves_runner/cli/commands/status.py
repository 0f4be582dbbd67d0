"""``status``: what needs attention, what runs now and what comes next, on one screen."""

from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from datetime import datetime, timedelta
from typing import Final, NamedTuple, cast

import apsw
import click

from jeeves_runner.cli import exits
from jeeves_runner.cli.attention import Row, access_rows, attention_rows, set_rows
from jeeves_runner.cli.context import App, json_option, pass_app, utc_option
from jeeves_runner.cli.formats import ago, counted, duration, time_column, when
from jeeves_runner.cli.rows import print_runs
from jeeves_runner.cli.server import ask, server_of
from jeeves_runner.cli.tables import Prose
from jeeves_runner.cli.terminal import Styled, folded, terminal_width
from jeeves_runner.cli.waiting import moments
from jeeves_runner.clock import to_text
from jeeves_runner.core.origin import short_sha
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.run_list import RunRow
from jeeves_runner.db.runner import RunnerRow, runner_row, too_open_files
from jeeves_runner.db.runs import running_elsewhere
from jeeves_runner.errors import ConfigError, DatabaseError, UsageError
from jeeves_runner.views.attention import (
    SYNC_ALARMS,
    Attention,
    dead,
    lost,
    of_sync,
    said,
    starved,
    waiting_text,
    without_what_sync_tells,
    wrong,
)
from jeeves_runner.views.occurrences import next_view
from jeeves_runner.views.runner import HealthDocument, StatusDocument, counts, status_view
from jeeves_runner.views.runs import active_runs
from jeeves_runner.views.sync import (
    HeldDocument,
    SyncDocument,
    SyncSummary,
    recorded_sync,
)

_EVERY: Final = 2.0
"""Seconds between two looks of ``--watch``."""

_FEW: Final = 5
_MANY: Final = 10
_SYNC_WORDS: Final = {"in_sync": "in sync", "unwatched": "applied"}


class _Look(NamedTuple):
    """What one look has found."""

    now: datetime
    """When it was."""
    status: StatusDocument
    """The document of /status."""
    sync: SyncDocument
    """The document of /sync."""
    server: RunnerRow | None
    """The server; None: none runs."""
    gone: Sequence[Attention]
    """Of a server that has died, that it has."""
    is_answered: bool
    """Whether the server has given the documents; else they are made of the database."""


@click.command("status")
@click.option(
    "--check", is_flag=True, help="Print only what is wrong. Exit 1 if anything is, 2 if no server answers."
)
@click.option("--watch", is_flag=True, help=f"Show it anew every {_EVERY:g} s, until Ctrl-C.")
@json_option
@utc_option
@pass_app
@click.pass_context
def command(ctx: click.Context, app: App, check: bool, watch: bool) -> None:
    """Show how the runner and its jobs are: first what needs attention, then what runs and what comes.

    Exit 2 if the server has died.
    """
    if check and watch:
        raise UsageError("--check answers once, and --watch does not end", hint="leave one of the two out")
    fault = app.forgive_config()
    with closing(_connect(app, fault)) as conn:
        if watch:
            with suppress(KeyboardInterrupt):
                for _ in moments(_EVERY):
                    click.clear()  # on a terminal alone
                    _show(app, conn, fault, check=False)
        else:
            ctx.exit(_show(app, conn, fault, check=check))


def _show(app: App, conn: apsw.Connection, fault: ConfigError | None, *, check: bool) -> int:
    """One look; the exit code."""
    now = app.clock.now()
    server = server_of(conn)
    if fault is not None and server is None:
        raise fault
    gone = () if server is not None else tuple(dead(runner_row(conn)))
    look = _look(app, conn, now, server, gone)
    if fault is not None and look.sync["config"] is None:  # not noticed yet, or another file than its own
        app.warn(f"{fault.message}; the server goes on with what it read, and would not start again")
    if app.json:
        app.print_json(look.status)
    with snapshot(conn):
        if check:
            return _check(app, conn, look)
        if not app.json:
            _print_screen(app, conn, look)
    return exits.FAILED if gone else exits.OK


def _connect(app: App, fault: ConfigError | None) -> apsw.Connection:
    """The database. ``fault``, what is wrong with the config, is told in place of what follows from it."""
    try:
        return app.connect()
    except DatabaseError as error:
        raise fault or error from None


def _check(app: App, conn: apsw.Connection, look: _Look) -> int:
    """Print what is wrong, for a monitor that reads exit codes. A pause is wanted, and nothing wrong."""
    rows = _wrong_rows(app, conn, look, told_alone=True)
    serves = look.is_answered and look.status["status"] == "running"
    if not app.json:
        if not serves:
            stopped = "no server runs; start it with `jeeves-runner serve`" if look.server is None else None
            stopped = f"the server is dead: {_of_the_dead(look)}" if look.gone else stopped
            app.print(f"{look.status['name']}: ", stopped or look.sync["reason"] or look.status["status"])
        _print_attention(app, rows)
    if not serves:
        return exits.FAILED
    return exits.UNWELL if rows else exits.OK


def _wrong_rows(
    app: App,
    conn: apsw.Connection,
    look: _Look,
    *,
    told_alone: bool = False,
    set_by_people: Iterable[Row] = (),
) -> list[Row]:
    """What is wrong; among it, at its place, what people have set."""
    active = active_runs(conn)
    stuck = lost(active, running_elsewhere(conn)) if look.server is None else starved(active)
    found = without_what_sync_tells((*stuck, *wrong(conn, look.now, told_alone=told_alone)), look.sync)
    return [
        *attention_rows((*of_sync(look.sync), *found), look.now),
        *set_by_people,
        *access_rows(app.settings, look.status),
    ]


def _look(
    app: App, conn: apsw.Connection, now: datetime, server: RunnerRow | None, gone: Sequence[Attention]
) -> _Look:
    """Ask the server, or else the database."""
    if server is not None:
        document = ask(server, "/status")
        # If the first question got no answer in time, the second would wait as long in vain.
        answer = None if document is None else ask(server, "/sync")
        if document is not None and answer is not None:
            status, sync = cast(StatusDocument, document), cast(SyncDocument, answer)
            return _Look(now, status, sync, server, gone, True)
    starting = server is not None and server.is_starting
    stopping = server is not None and server.stopping_at is not None
    if server is None:
        reason = "no server watches the manifests"
    elif starting or stopping:
        reason = f"the server is {'starting' if starting else 'stopping'}"
        reason += f" ({server.waits_for})" if server.waits_for else ""
    else:
        reason = "the server does not answer"
    sync = recorded_sync(conn, reason)
    made = status_view(
        counts(conn, now),
        now,
        uptime=now - server.started_at if server else None,
        starting=starting,
        stopping=stopping,
        sync=sync,
        too_open=too_open_files(app.settings.db_path, app.settings.data_dir, app.settings.folder_mode),
        lost=(*gone, *(() if server else lost(active_runs(conn), running_elsewhere(conn)))),
    )
    return _Look(now, made, sync, server, gone, False)


def _print_screen(app: App, conn: apsw.Connection, look: _Look) -> None:
    now, is_served = look.now, look.server is not None
    _print_head(app, look)
    rows = _wrong_rows(app, conn, look, set_by_people=set_rows(conn, now, app.zone_of))
    if rows:
        app.print_heading("Needs attention")
        _print_attention(app, rows)
    _print_active(app, active_runs(conn), now, served=is_served)
    _print_next(app, conn, now, served=is_served)


def _print_head(app: App, look: _Look) -> None:
    now, status, sync, server = look.now, look.status, look.sync, look.server
    if look.gone:
        state = Styled("dead", "red")
        detail = f": {_of_the_dead(look)}"
    elif server is None:
        state = Styled("stopped", "yellow")
        detail = "; start it with `jeeves-runner serve`"
    elif server.stopping_at is not None:
        state = Styled("stopping", "yellow")
        detail = f" (pid {server.pid}): {_last_work(app, now, status, server.stopping_at)}"
    elif server.is_starting:
        state = Styled("starting", "yellow")
        detail = f" (pid {server.pid}): {server.waits_for or 'it takes no requests yet'}"
    else:
        state = Styled("running", "green")
        where = f", {server.api_url}" if server.api_url else ""
        detail = f" for {duration(status['uptime_ms'])} (pid {server.pid}{where})"
    before = f"{status['name']} {status['version']} is "
    first, *rest = folded(f"{before}{state.text}{detail}.", terminal_width())
    app.print(before, state, first[len(before) + len(state.text) :])
    app.print_lines((part,) for part in rest)
    app.print_paragraph(f"Manifests: {_sync_text(status['sync'], sync['held'], now)}.")
    app.print_paragraph(f"Jobs: {_health_text(status['health'], now)}.")
    if text := _alerts_text(status["health"]):
        app.print_paragraph(f"Alerts: {text}; see `jeeves-runner alerts`.")
    if status["health"]["busy_ms"] is not None:
        since = duration(status["health"]["busy_ms"])
        app.print(f"Database: locked by another process for {since}; starts and outcomes wait for it.")


def _of_the_dead(look: _Look) -> str:
    return said(look.gone[0].why, lambda text: ago(text, look.now))


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
    return f"it starts nothing new and waits for {runs} until {when(text, now, app.zone)} at most"


def _held_text(held: Sequence[HeldDocument]) -> str:
    kinds = {entry["kind"] for entry in held}
    return f"{counted(len(held), kinds.pop()) if len(kinds) == 1 else len(held)} held back"


def _sync_text(sync: SyncSummary, held: Sequence[HeldDocument], now: datetime) -> str:
    if not sync["revision"]:
        parts = ["nothing has been applied yet"]
    else:
        commit = f" (commit {short_sha(sync['commit'])})" if sync["commit"] else ""
        word = _SYNC_WORDS.get(sync["state"], sync["state"])
        if sync["state"] == "held" and held:
            word = _held_text(held)
        if sync["state"] in SYNC_ALARMS and sync["since"] is not None:
            word = f"{word} since {ago(sync['since'], now)}"
        parts = [f"{word} at revision {sync['revision']}{commit}, checked {ago(sync['checked_at'], now)}"]
    if sync["changes"]:
        parts.append(waiting_text(sync["changes"]))
    if sync["reason"]:
        parts.append(sync["reason"])
    return "; ".join(parts)


def _health_text(health: HealthDocument, now: datetime) -> str:
    late = ""
    if health["catching_up"]:
        last = ago(health["catching_up_until"], now)
        spaced = f"spaced by `catch_up_spread`, the last one catches up {last}"
        late = f", {health['catching_up']:,} late ({spaced})"
    return (
        f"{health['total_jobs']:,} declared, {health['running']:,} running, {health['waiting']:,} queued"
        f"{late}; in the last hour {health['ok_last_hour']:,} ok, {health['errors_last_hour']:,} failed"
    )


def _alerts_text(health: HealthDocument) -> str:
    """Empty while nothing is wrong, and nothing waits to be said."""
    parts = [
        (health["incidents_open"], "incident open", "incidents open"),
        (health["messages_waiting"], "message waits", "messages wait"),
        (health["messages_failed"], "message could not be sent", "messages could not be sent"),
    ]
    return ", ".join(counted(number, one, many) for number, one, many in parts if number)


def _print_attention(app: App, rows: list[Row]) -> None:
    if rows:
        app.print_table(("WHAT", "WHICH", Prose("WHY")), rows[:_MANY])
    if len(rows) > _MANY:
        app.print(f"and {len(rows) - _MANY} more; see `jeeves-runner alerts`, `jobs` and `validate`")


def _print_active(app: App, runs: list[RunRow], now: datetime, *, served: bool) -> None:
    if not runs:
        return
    app.print_heading("Now")
    print_runs(app, runs[:_MANY], now, app.zone, served=served)
    if len(runs) > _MANY:
        app.print(f"and {len(runs) - _MANY} more; see `jeeves-runner runs --status running` and `scheduled`")


def _print_next(app: App, conn: apsw.Connection, now: datetime, *, served: bool) -> None:
    coming = next_view(conn, now, count=_FEW, once=True)["occurrences"]
    if not coming:
        return
    times = time_column("TIME", [each["scheduled_for"] for each in coming], app.zone)
    app.print_heading("Next" if served else "Next, once a server runs")
    app.print_table(
        ("WHEN", "JOB", times.header),
        [
            (ago(each["scheduled_for"], now), each["job_id"], at)
            for each, at in zip(coming, times.cells, strict=True)
        ],
    )
