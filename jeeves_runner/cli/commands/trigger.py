"""``trigger``: a run by hand, done by the server."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from jeeves_runner.cli import completion, exits
from jeeves_runner.cli.context import App, json_option, pass_app, say
from jeeves_runner.cli.formats import duration
from jeeves_runner.cli.rows import OF_A_RUN, whole_run_note
from jeeves_runner.cli.server import require_server, server_has_stopped, server_of
from jeeves_runner.cli.terminal import Styled
from jeeves_runner.cli.waiting import Absence, EndOfRun
from jeeves_runner.core.model import BAD, RunStatus, Trigger
from jeeves_runner.core.params import HIDDEN, MAX_VALUE
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.db.run_requests import RunRequest, request_run
from jeeves_runner.errors import UsageError

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.db.run_list import WholeRunRow
    from jeeves_runner.views.runs import ResultDocument

_EXIT_CODES: Final[Mapping[str, int]] = {RunStatus.OK: exits.OK, **dict.fromkeys(BAD, exits.ENDED_BADLY)}
_STDERR_LINES: Final = 10

_EXAMPLES: Final = {"VALUE": "monday", "PATH": "day.txt"}

_LOOK_ANYWAY: Final = 5.0
"""Seconds after which the run is looked at although its server has said nothing."""


@click.command("trigger")
@click.argument("job_id", metavar="JOB", shell_complete=completion.JOBS)
@click.option(
    "--param",
    "params",
    metavar="KEY=VALUE",
    multiple=True,
    help="A parameter; `job JOB` lists those of a job.",
)
@click.option(
    "--param-file",
    "files",
    metavar="KEY=PATH",
    multiple=True,
    help="A parameter with the text of a file as its value; - is standard input. For secret ones.",
)
@click.option("--wait", is_flag=True, help="Wait for the end, of retries too, and exit by it.")
@click.option(
    "--force",
    is_flag=True,
    help="Although the job is paused, another run of it is active, or its tokens are used up.",
)
@json_option
@pass_app
def command(
    app: App, job_id: str, params: tuple[str, ...], files: tuple[str, ...], wait: bool, force: bool
) -> int:
    """Run JOB now, on the server that runs.

    Exit code 0: asked for, or with --wait: it ended ok. 1: its last attempt ended error, timeout or
    interrupted. 2: it could not be triggered. 3: it was skipped or cancelled.
    """
    from jeeves_runner.views.job_lookup import live_job
    from jeeves_runner.views.runs import run_view

    typed = dict(_pairs("--param", "VALUE", params))
    given = _params(typed, dict(_pairs("--param-file", "PATH", files)))
    with closing(app.connect()) as conn:
        live_job(conn, job_id)
        request = RunRequest(job_id=job_id, trigger=Trigger.MANUAL, params=given, forced=force)
        with announced_transaction(conn, app.clock) as tx:
            # Here, so that no server begins to stop between the look and the request.
            require_server(tx.conn)
            run_id = request_run(tx, request)
        document = run_view(conn, run_id)
        _warn_of_secrets(document["run"], typed)
        if wait:
            return _report_end(app, _end_of(app, conn, run_id))
    if app.json:
        app.print_json(document)
    else:
        app.print(f"Run {run_id} of {job_id} is asked for; `jeeves-runner run {run_id}` shows it.")
    return exits.OK


def _pairs(option: str, what: str, words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What stands before and behind the ``=``; UsageError."""
    names = set()
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            # Without its words: they may hold a secret.
            hint = f"for example {option} DAY={_EXAMPLES[what]}"
            raise UsageError(f"{option} is not of the form KEY={what}", hint=hint)
        if name in names:
            raise UsageError(f"{option} {name} is given twice")
        names.add(name)
        yield name, value


def _params(typed: Mapping[str, str], files: Mapping[str, str]) -> dict[str, str]:
    """The parameters by name; UsageError."""
    given = dict(typed)
    is_read = False
    for name, path in files.items():
        if name in given:
            raise UsageError(f"the parameter {name} is given by --param and by --param-file")
        if path == "-" and is_read:
            raise UsageError("standard input can be the value of one parameter only")
        is_read = is_read or path == "-"
        given[name] = _content(name, path)
    return given


def _content(name: str, path: str) -> str:
    """The text of a file, or of standard input, without the newline at its end; UsageError."""
    what = "standard input" if path == "-" else path
    most = MAX_VALUE + len("\r\n")
    try:
        if path == "-":
            content = sys.stdin.buffer.read(most + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(most + 1)
    except OSError as error:
        raise UsageError(f"--param-file {name}: {what} cannot be read: {error.strerror}") from error
    content = content.removesuffix(b"\n").removesuffix(b"\r")
    if len(content) > MAX_VALUE:
        raise UsageError(f"--param-file {name}: {what} holds more than {MAX_VALUE // 1024} KiB")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise UsageError(f"--param-file {name}: {what} is not UTF-8") from None


def _warn_of_secrets(run: "WholeRunRow", typed: Mapping[str, str]) -> None:
    shown = run["params"] if isinstance(run["params"], dict) else {}
    for name in typed:
        if shown.get(name) == HIDDEN:
            say(
                f"warning: {name} is secret, and an argument can be read in the list of processes and in the"
                f" shell's history: --param-file {name}=- reads it from standard input"
            )


def _end_of(app: App, conn: "apsw.Connection", run_id: int) -> "WholeRunRow":
    """The last attempt of the chain that begins with this run, once it has ended."""
    from jeeves_runner.views.runs import last_attempt, run_view

    absence = Absence(app.clock)
    with closing(EndOfRun()) as end:
        while True:
            # Before the run: a server that stops settles its runs first.
            server = server_of(conn)
            run = run_view(conn, last_attempt(conn, run_id))["run"]
            if run["finished_at"] is not None:
                return run
            starts_no_more = server is None or (server.stopping_at and run["status"] == "scheduled")
            if absence.is_over(present=not starts_no_more):
                raise server_has_stopped(run)
            end.wait(server, run["id"], _LOOK_ANYWAY)


def _report_end(app: App, run: "WholeRunRow") -> int:
    code = _EXIT_CODES.get(run["status"], exits.NOT_RUN)
    if app.json:
        document: ResultDocument = {"result": run}
        app.print_json(document)
        return code
    took = f" after {duration(run['duration_ms'])}" if run["duration_ms"] is not None else ""
    note = f": {text}" if (text := whole_run_note(run, served=True)) else ""
    word = Styled(run["status"], "green" if code == exits.OK else "red")
    stop = "" if note.endswith((".", "?", "!", "…")) else "."
    app.print(f"Run {run['id']} of {run['job_id']} ended ", word, f"{took}{note}{stop}")
    if code == exits.ENDED_BADLY:
        for line in (run["stderr"] or "").splitlines()[-_STDERR_LINES:]:
            say(f"{OF_A_RUN}{line}")
    return code
