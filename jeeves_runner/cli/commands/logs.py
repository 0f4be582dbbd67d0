"""``logs``: what a run wrote, and goes on writing."""

from contextlib import closing

import click

from jeeves_runner.cli import completion, exits
from jeeves_runner.cli.context import App, pass_app, say
from jeeves_runner.cli.following import follow as follow_log
from jeeves_runner.cli.following import goes_on, last_lines, output_of, whole_log
from jeeves_runner.cli.named_run import RUN_OR_JOB, run_to_read
from jeeves_runner.cli.syntax import Number


@click.command("logs")
@click.argument("word", metavar="RUN|JOB", type=RUN_OR_JOB, shell_complete=completion.RUNS_AND_JOBS)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended; wait for its start.")
@click.option(
    "--tail",
    type=Number("a number of lines", 0, 2**31 - 1),
    metavar="N",
    help="Begin with the last N lines of what is there.",
)
@click.option("--raw", is_flag=True, help="Print the very bytes on a terminal too: they may steer it.")
@pass_app
def command(app: App, word: int | str, follow: bool, tail: int | None, raw: bool) -> int:
    """Print what RUN wrote: its log file, or the end kept in the database where there is none.

    Of a JOB it is the run that runs, else the latest that has started; with -f one that waits, if none runs.
    On a terminal, characters that could steer it are shown as escapes, except colours. Into a file or a pipe,
    every byte is printed as it was written. Ctrl-C ends the command alone, and the run goes on.
    """
    from jeeves_runner.views.runs import run_view

    output = output_of(app, raw=raw)
    with closing(output), closing(app.connect()) as conn:
        run = run_view(conn, run_to_read(conn, word, waits=follow))["run"]
        if isinstance(word, str):
            say(f"run {run['id']} of {run['job_id']}, {run['status']}")
        if not follow or run["finished_at"] is not None:
            parts = whole_log(app, conn, run)
            output.print(parts if tail is None else [last_lines(parts, tail)])
            return exits.OK
        try:
            follow_log(app, conn, run["id"], output, tail=tail)
        except KeyboardInterrupt:
            say(goes_on(run))
            return exits.INTERRUPTED
    return exits.OK
