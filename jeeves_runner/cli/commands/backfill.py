"""``backfill``: runs for times of the past, asked for, watched and called off."""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Final

import click

from jeeves_runner.cli import completion, exits
from jeeves_runner.cli.context import App, json_option, pass_app, say, utc_option
from jeeves_runner.cli.formats import NONE, ago, counted, time_column
from jeeves_runner.cli.server import require_server, server_of
from jeeves_runner.cli.syntax import BACKFILL_ID, SCREEN, Group, Number, at_most, limit_option
from jeeves_runner.cli.tables import Prose
from jeeves_runner.cli.terminal import Styled
from jeeves_runner.cli.waiting import Absence, look_again
from jeeves_runner.core.backfilling import DEFAULT_PRIORITY, MAX_PARALLEL
from jeeves_runner.core.instants import end_of_span, past_instant
from jeeves_runner.core.values import PAGE
from jeeves_runner.db import backfills
from jeeves_runner.db.backfills import Wanted
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.errors import NoServer

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.views.backfills import BackfillState, Preview

_MOST: Final = 1_000
"""Rows of a list."""

_BAR: Final = 30
"""Characters of the bar."""

_SERVER: Final = 1.0
"""Seconds between two looks for the server."""


class _Group(Group):
    """``backfill JOB`` is ``backfill run JOB``, also of a job that is called as a command is; options alone
    are those of ``backfill list``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] != "--help" and not ctx.resilient_parsing:
            args = [*self._meant(ctx, args), *args]
        return super().parse_args(ctx, args)

    def _meant(self, ctx: click.Context, args: Sequence[str]) -> Sequence[str]:
        """The command that is left out."""
        if args[0] in self.list_commands(ctx):
            return ("run",) if self._is_a_job(ctx, args[1:]) else ()
        is_list = args[0].startswith("-") and not any(each.split("=")[0] == "--from" for each in args)
        return ("list",) if is_list else ("run",)

    def _is_a_job(self, ctx: click.Context, rest: Sequence[str]) -> bool:
        """Whether what follows the name of a command are the options of ``run``, and no job among them:
        ``--from`` is an option of no other, and cannot be left out there."""
        command = self.commands["run"]
        with command.make_context("run", [], parent=ctx, resilient_parsing=True) as inner:
            try:
                values, *_ = command.make_parser(inner).parse_args([*rest])
            except click.UsageError:
                return False
        return isinstance(values.get("since"), str) and not isinstance(values.get("job_id"), str)


@click.group("backfill", cls=_Group, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Make up for times of the past. Alone: `backfill list`; with a job: `backfill run JOB`.

    jeeves-runner backfill report --from 2026-03-01 --to 2026-03-08 runs it for a week.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_backfills, limit=None)


@command.command("run")
@click.argument("job_id", metavar="JOB", shell_complete=completion.JOBS)
@click.option("--from", "since", metavar="TIME", required=True, help="The first time that counts.")
@click.option("--to", "until", metavar="TIME", help="Times before this count; now unless given.")
@click.option("--dry-run", is_flag=True, help="List the times, and do nothing.")
@click.option("--downstream", is_flag=True, help="The jobs that come `after` JOB run as well, in order.")
@click.option("--again", is_flag=True, help="Repeat the times that have had their run.")
@click.option(
    "--parallel",
    type=at_most(MAX_PARALLEL),
    default=1,
    help="How many runs may be active at once.",
)
@click.option(
    "--priority",
    type=Number("a number from -1000 to 1000", -1000, 1000),
    default=DEFAULT_PRIORITY,
    help="The priority of the runs.",
)
@click.option("--no-wait", is_flag=True, help="Return at once.")
@json_option
@utc_option
@pass_app
def run(
    app: App,
    job_id: str,
    since: str,
    until: str | None,
    dry_run: bool,
    downstream: bool,
    again: bool,
    parallel: int,
    priority: int,
    no_wait: bool,
) -> int:
    """Run JOB for times of the past at which it did not run.

    It waits for the end; Ctrl-C ends the wait alone. Times are on the clocks of the job, unless they have an
    offset.

    Exit code 0: it is done, or with --no-wait asked for. 1: not all of its runs ended ok. 2: it could not be
    begun, or the server is gone. 3: it was cancelled.
    """
    from jeeves_runner.views.backfills import preview
    from jeeves_runner.views.job_lookup import live_job

    with closing(app.connect()) as conn:
        now = app.clock.now()
        zone = app.zone_of(backfills.zone_of(conn, live_job(conn, job_id).id))
        begin = past_instant(since, now, zone, "--from")
        end = now if until is None else end_of_span(until, begin, now, zone, "--to")
        wanted = Wanted(job_id, begin, end, again, downstream, parallel, priority)
        plan = preview(conn, wanted, now)
        if dry_run:
            _show_plan(app, wanted, plan, zone)
            return exits.OK
        with announced_transaction(conn, app.clock) as tx:
            require_server(tx.conn)
            number = backfills.begin(tx, wanted, by=app.actor)
        asked = f"Backfill {number} of {job_id} is asked for: {_what(plan)}."
        if no_wait:
            if not app.json:
                app.print(asked)
            held_up = _print_document(app, conn, number)["held_up"]
            if held_up is not None:
                _say_waits(number, held_up)
            return exits.OK
        return _wait(app, conn, number, asked)


def _what(plan: "Preview") -> str:
    count = len(plan.occurrences["occurrences"])
    times = counted(count, "time")
    after = f", each with {', '.join(plan.downstream)} after it" if plan.downstream else ""
    besides = ""
    if plan.left_out:
        verbs = ("has", "is") if plan.left_out == 1 else ("have", "are")
        besides = (
            f"; {plan.left_out} of them {verbs[0]} run and {verbs[1]} left out (--again repeats what has run)"
        )
    if plan.taken_up:
        verb = "was" if plan.taken_up == 1 else "were"
        besides += f"; {plan.taken_up} of them {verb} interrupted and will be taken up again"
    return f"{times}{after}{besides}"


def _show_plan(app: App, wanted: Wanted, plan: "Preview", zone: tzinfo) -> None:
    if app.json:
        app.print_json(plan.occurrences)
        return
    rows = plan.occurrences["occurrences"]
    app.print(f"A backfill of {wanted.job_id} would have {_what(plan)}.")
    shown = rows[:SCREEN]
    times = time_column("TIME", [each["scheduled_for"] for each in shown], zone)
    app.print_table(
        (times.header, "RUN", "STATUS"),
        [
            (at, NONE if each["run_id"] is None else str(each["run_id"]), each["status"] or NONE)
            for each, at in zip(shown, times.cells, strict=True)
        ],
    )
    if len(rows) > len(shown):
        app.print(f"{len(rows) - len(shown)} more follow; --json lists all.")


def _wait(app: App, conn: "apsw.Connection", number: int, asked: str) -> int:
    """Say what was asked for, and watch it until it is over; the exit code."""
    try:
        if not app.json:
            app.print(asked)
        row = _end_of(app, conn, number)
    except KeyboardInterrupt:
        app.print_progress("")
        say(f"backfill {number} goes on; `jeeves-runner backfill cancel {number}` ends it")
        return exits.INTERRUPTED
    finally:
        app.print_progress("")
    if app.json:
        _print_document(app, conn, number)
    else:
        style = "green" if row["status"] == "done" and not row["failed"] else "red"
        app.print(
            f"Backfill {number} of {row['job_id']} is ", Styled(row["status"], style), f": {_done(row)}."
        )
        if row["failed"]:
            app.print(f"`jeeves-runner runs {row['job_id']}` lists the runs.")
    if row["status"] == "cancelled":
        return exits.NOT_RUN
    return exits.ENDED_BADLY if row["failed"] else exits.OK


def _end_of(app: App, conn: "apsw.Connection", number: int) -> "BackfillState":
    from jeeves_runner.views.backfills import backfill_view

    absence, next_look = Absence(app.clock), 0.0
    told: str | None = None
    while True:
        is_time = app.clock.monotonic() >= next_look
        is_there = not is_time or server_of(conn) is not None
        row = backfill_view(conn, number, app.clock.now())["backfill"]
        if row["status"] != "active":
            return row
        if is_time:
            next_look = app.clock.monotonic() + _SERVER
            if absence.is_over(present=is_there):
                raise NoServer(
                    f"the server has stopped, and backfill {number} with it",
                    hint="it goes on with the next server",
                )
        if row["held_up"] is not None and row["held_up"] != told:
            told = row["held_up"]
            app.print_progress("")
            _say_waits(number, told)
        app.print_progress(_bar(row))
        look_again()


def _say_waits(number: int, held_up: str) -> None:
    say(f"backfill {number} waits: {held_up}")


def _bar(row: "BackfillState") -> str:
    over = row["had_run"] + row["ok"] + row["failed"]
    full = _BAR * over // max(1, row["total"])
    failed = f", {row['failed']} not ok" if row["failed"] else ""
    return f"[{'#' * full}{'.' * (_BAR - full)}] {over} of {row['total']}{failed}{_taken_up(row)}"


def _done(row: "BackfillState") -> str:
    parts = [f"{row['ok']} ok"]
    parts += [f"{row['failed']} not ok"] if row["failed"] else []
    parts += [f"{row['had_run']} had run before"] if row["had_run"] else []
    parts += [f"{begun} under way when it was cancelled"] if (begun := _under_way(row)) else []
    parts += [f"{left} left"] if (left := _left(row)) else []
    return f"{counted(row['total'], 'time')}, {', '.join(parts)}{_taken_up(row)}"


def _taken_up(row: "BackfillState") -> str:
    """What of it was interrupted; empty where nothing was."""
    return f"; interrupted and taken up again: {row['taken_up']}" if row["taken_up"] else ""


def _under_way(row: "BackfillState") -> int:
    """How many times had begun that were not over when it was cancelled."""
    return max(0, row["entered"] - row["ok"] - row["failed"]) if row["status"] == "cancelled" else 0


def _left(row: "BackfillState") -> int:
    return max(0, row["total"] - row["had_run"] - row["entered"]) if row["status"] == "cancelled" else 0


@command.command("list")
@limit_option(_MOST)
@json_option
@pass_app
def list_backfills(app: App, limit: int | None) -> None:
    """List backfills, newest first."""
    from jeeves_runner.views.backfills import backfills_view

    with closing(app.connect()) as conn:
        now = app.clock.now()
        document = backfills_view(conn, now, limit=limit or (PAGE if app.json else SCREEN))
    if app.json:
        app.print_json(document)
    elif document["backfills"]:
        headers = ("NUMBER", "JOB", "ASKED FOR", "STATUS", Prose("PROGRESS"))
        app.print_table(headers, [_cells(row, now) for row in document["backfills"]])
    else:
        app.print("There is no backfill.")


def _cells(row: "BackfillState", now: datetime) -> Sequence[str]:
    over = row["had_run"] + row["ok"] + row["failed"]
    so_far = f"{over} of {counted(row['total'], 'time')}{_taken_up(row)}"
    progress = so_far if row["status"] == "active" else _done(row)
    message = row["message"] or row["held_up"]
    why = f"; {message}" if message else ""
    return str(row["id"]), row["job_id"], ago(row["created_at"], now), row["status"], f"{progress}{why}"


@command.command("cancel")
@click.argument("backfill_id", metavar="BACKFILL", type=BACKFILL_ID)
@json_option
@pass_app
def cancel(app: App, backfill_id: int) -> None:
    """End BACKFILL; what runs of it goes on.

    Nothing more of it starts, and what waits of it is cancelled.
    """
    from jeeves_runner.views.backfills import backfill_view

    with closing(app.connect()) as conn:
        with announced_transaction(conn, app.clock) as tx:
            backfills.cancel(tx, backfill_id, by=app.actor)
        row = backfill_view(conn, backfill_id, app.clock.now())["backfill"]
        _print_document(app, conn, backfill_id)
        if not app.json:
            app.print(f"Backfill {backfill_id} of {row['job_id']} is cancelled: {_done(row)}.")
            for run_id in backfills.running_of(conn, backfill_id):
                app.print(f"Run {run_id} goes on; `jeeves-runner cancel {run_id}` ends it.")


def _print_document(app: App, conn: "apsw.Connection", number: int) -> "BackfillState":
    """Print it with ``--json``; it as it is now."""
    from jeeves_runner.views.backfills import backfill_view

    document = backfill_view(conn, number, app.clock.now())
    if app.json:
        app.print_json(document)
    return document["backfill"]
