"""``logs``: what a run wrote, and goes on writing."""

import sys
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, pass_app
from jeeves_runner.cli.server import server_has_stopped, server_of
from jeeves_runner.cli.syntax import RUN_ID
from jeeves_runner.cli.waiting import INTERVAL, Absence, EndOfRun
from jeeves_runner.execute.output.log_reader import LogReader

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.db.run_list import RunRow


@click.command("logs")
@click.argument("run_id", metavar="RUN", type=RUN_ID, shell_complete=completion.RUNS)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@pass_app
def command(app: App, run_id: int, follow: bool) -> None:
    """Print what RUN wrote: its log file, or the end kept in the database where there is none."""
    from jeeves_runner.views.runs import run_log, tails

    output = sys.stdout.buffer
    with closing(app.connect()) as conn:
        run, path = run_log(conn, run_id)
        if follow and run["finished_at"] is None:
            _follow(app, conn, run_id, output)
        elif path is not None:
            output.writelines(LogReader(path).read())
        else:
            text = tails(run)
            output.write(text.encode("utf-8", "replace"))
            if not text:
                click.echo(_silence(run), err=True)
    output.flush()


def _silence(run: "RunRow") -> str:
    if run["started_at"] is None:
        waits = run["finished_at"] is None
        return f"run {run['id']} {'has not started yet' if waits else 'never started'}"
    return f"run {run['id']} has written nothing"


def _follow(app: App, conn: "apsw.Connection", run_id: int, output: BinaryIO) -> None:
    """Print the log as it grows, to its end. The run is looked at before the file, so nothing is missed."""
    from jeeves_runner.views.runs import run_log

    reader: LogReader | None = None
    absence = Absence(app.clock)
    with closing(EndOfRun()) as end:
        while True:
            # Before the run: a server that stops settles its runs first.
            server = server_of(app, conn)
            run, path = run_log(conn, run_id)
            if path is not None:
                reader = reader or LogReader(path)
            _print_news(reader, output)
            if run["finished_at"] is not None:
                return
            if absence.is_over(present=server is not None):
                raise server_has_stopped(run)
            while not end.wait(server, run_id, INTERVAL) and reader is not None:
                _print_news(reader, output)


def _print_news(reader: LogReader | None, output: BinaryIO) -> None:
    if reader is not None:
        output.writelines(reader.read())
        output.flush()
