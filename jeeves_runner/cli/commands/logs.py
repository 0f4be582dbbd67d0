"""``logs``: what a run wrote, and goes on writing."""

import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import TYPE_CHECKING, BinaryIO

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, pass_app, say
from jeeves_runner.cli.server import server_has_stopped, server_of
from jeeves_runner.cli.syntax import RUN_ID
from jeeves_runner.cli.waiting import INTERVAL, Absence, EndOfRun
from jeeves_runner.execute.output.log_place import LogPlace
from jeeves_runner.execute.output.log_reader import LogReader

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.db.run_list import RunRow, WholeRunRow


@click.command("logs")
@click.argument("run_id", metavar="RUN", type=RUN_ID, shell_complete=completion.RUNS)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@pass_app
def command(app: App, run_id: int, follow: bool) -> None:
    """Print what RUN wrote: its log file, or the end kept in the database where there is none."""
    from jeeves_runner.views.runs import run_view

    output = sys.stdout.buffer
    with closing(app.connect()) as conn:
        run = run_view(conn, run_id)["run"]
        if follow and run["finished_at"] is None:
            _follow(app, conn, run_id, output)
        else:
            output.writelines(_whole(app, run))
    output.flush()


def _place(app: App, run: "RunRow") -> LogPlace:
    return LogPlace(str(app.config.data_dir), run["job_id"], run["id"])


def _whole(app: App, run: "WholeRunRow") -> Iterator[bytes]:
    """All that a run wrote; the end of it where there is no log that can be read."""
    from jeeves_runner.views.runs import tails

    parts = LogReader(_place(app, run)).read()
    try:
        first = next(parts, b"") if run["started_at"] else None
    except FileNotFoundError:
        first = None
    except OSError as error:
        app.warn(
            f"the log {_place(app, run)} cannot be read: {error.strerror}; this is what is kept of its end"
        )
        first = None
    if first is not None:
        yield first
        yield from parts
    elif text := tails(run):
        yield text.encode("utf-8", "replace")
    else:
        say(_silence(run))


def _silence(run: "RunRow") -> str:
    if run["started_at"] is None:
        waits = run["finished_at"] is None
        return f"run {run['id']} {'has not started yet' if waits else 'never started'}"
    return f"run {run['id']} has written nothing"


def _follow(app: App, conn: "apsw.Connection", run_id: int, output: BinaryIO) -> None:
    """Print the log as it grows, to its end. The run is looked at before the file, so nothing is missed."""
    from jeeves_runner.views.runs import run_view

    reader: LogReader | None = None
    absence = Absence(app.clock)
    with closing(EndOfRun()) as end:
        while True:
            # Before the run: a server that stops settles its runs first.
            server = server_of(app, conn)
            run = run_view(conn, run_id)["run"]
            if run["started_at"] is not None:
                reader = reader or LogReader(_place(app, run))
            _print_news(reader, output)
            if run["finished_at"] is not None:
                return
            if absence.is_over(present=server is not None):
                raise server_has_stopped(run)
            while not end.wait(server, run_id, INTERVAL) and reader is not None:
                _print_news(reader, output)


def _print_news(reader: LogReader | None, output: BinaryIO) -> None:
    if reader is not None:
        with suppress(FileNotFoundError):  # it has written nothing yet
            output.writelines(reader.read())
        output.flush()
