"""``trigger``: a run by hand, done by the server."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from jeeves_runner.cli import completion, exits
from jeeves_runner.cli.context import App, json_option, pass_app, say
from jeeves_runner.cli.each_job import for_each
from jeeves_runner.cli.following import follow as follow_log
from jeeves_runner.cli.following import goes_on, output_of
from jeeves_runner.cli.formats import duration
from jeeves_runner.cli.rows import last_lines, whole_run_note
from jeeves_runner.cli.server import require_server
from jeeves_runner.cli.taking_up import became, end_verb, taken_up
from jeeves_runner.cli.terminal import Styled
from jeeves_runner.cli.waiting import end_of_chain
from jeeves_runner.core.model import BAD, RunStatus, Trigger
from jeeves_runner.core.params import HIDDEN, MAX_VALUE
from jeeves_runner.db.jobs import ids_with_tag
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.db.run_requests import RunRequest, request_run
from jeeves_runner.db.triggering import triggering_run
from jeeves_runner.errors import UsageError

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.db.run_list import WholeRunRow
    from jeeves_runner.db.runner import RunnerRow
    from jeeves_runner.views.runs import ResultDocument, RunDocument, TriggeredDocument

_EXIT_CODES: Final[Mapping[str, int]] = {RunStatus.OK: exits.OK, **dict.fromkeys(BAD, exits.ENDED_BADLY)}
_STDERR_LINES: Final = 10

_EXAMPLES: Final = {"VALUE": "monday", "PATH": "day.txt"}


@click.command("trigger")
@click.argument("job_id", metavar="[JOB]", required=False, shell_complete=completion.JOBS)
@click.option("--tag", help="All jobs with this tag, as they are now, in the place of JOB.")
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
@click.option("--follow", is_flag=True, help="The same, and print meanwhile what the run writes.")
@click.option(
    "--force",
    is_flag=True,
    help="Although the job is paused, another run of it is active, or its tokens are used up.",
)
@json_option
@pass_app
def command(
    app: App,
    job_id: str | None,
    tag: str | None,
    params: tuple[str, ...],
    files: tuple[str, ...],
    wait: bool,
    follow: bool,
    force: bool,
) -> int:
    """Run JOB now, on the server that runs; or all jobs with a tag, or none of them if one refuses.

    It says what becomes of the run: that it runs, why it waits, or why it is skipped. Ctrl-C ends the wait
    alone, and the run goes on. In the script of a run: only the jobs that its manifest names in `triggers`.

    Exit code 0: asked for, or with --wait: it ended ok. 1: its last attempt ended error, timeout or
    interrupted. 2: it could not be triggered. 3: it was skipped or cancelled. Of several the first that fits
    of 1, 3 and 0.
    """
    from jeeves_runner.views.runs import run_view

    if follow and (tag is not None or app.json):
        raise UsageError("--follow prints what one run writes", hint="without --tag and --json")
    typed = dict(_pairs("--param", "VALUE", params))
    given = _params(typed, dict(_pairs("--param-file", "PATH", files)))
    with closing(app.connect()) as conn:
        job_ids = _job_ids(conn, job_id, tag)
        with announced_transaction(conn, app.clock) as tx:
            # Here, so that no server begins to stop between the look and the request.
            server = require_server(tx.conn)
            run = None if app.run_id is None else triggering_run(tx.conn, app.run_id, app.run_mark)

            def ask(name: str) -> int:
                request = RunRequest(
                    job_id=name, trigger=Trigger.MANUAL, params=given, forced=force, by=app.actor
                )
                return request_run(tx, request if run is None else run.asks_for(request))

            run_ids = list(for_each(job_ids, ask, undone="nothing is triggered").values())
        try:
            asked = [run_view(conn, run_id)["run"] for run_id in run_ids]
            _warn_of_secrets(asked, typed)
            if wait or follow:
                if follow:
                    _follow(app, conn, server, run_ids[0])
                ends = (end_of_chain(conn, app.clock, run_id) for run_id in run_ids)
                return report_ends(app, ends, of_several=tag is not None)
            asked = taken_up(conn, app.clock, server, run_ids)
        except KeyboardInterrupt:
            return leave(conn, run_ids)
    if app.json:
        document: RunDocument | TriggeredDocument
        document = {"run": asked[0]} if tag is None else {"runs": asked}
        app.print_json(document)
    else:
        now = app.clock.now()
        app.print_lines(became(run, now) for run in asked)
    return exits.OK


def _job_ids(conn: "apsw.Connection", job_id: str | None, tag: str | None) -> list[str]:
    """The live jobs that are meant; UsageError unless it is said in one way, NotFound."""
    from jeeves_runner.views.job_lookup import live_job

    if tag is not None and job_id is None:
        return ids_with_tag(conn, tag)
    if job_id is None or tag is not None:
        raise UsageError("name either a job, or --tag")
    return [live_job(conn, job_id).id]


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


def _warn_of_secrets(runs: "Sequence[WholeRunRow]", typed: Mapping[str, str]) -> None:
    shown = [run["params"] for run in runs if isinstance(run["params"], dict)]
    for name in typed:
        if any(params.get(name) == HIDDEN for params in shown):
            say(
                f"warning: {name} is secret, and an argument can be read in the list of processes and in the"
                f" shell's history: --param-file {name}=- reads it from standard input"
            )


def leave(conn: "apsw.Connection", run_ids: Sequence[int]) -> int:
    """Say which of these runs go on although they are not waited for any more; the exit code."""
    from jeeves_runner.views.runs import last_attempt, run_view

    runs = [run_view(conn, last_attempt(conn, run_id))["run"] for run_id in run_ids]
    for run in runs:
        if run["finished_at"] is None:
            say(goes_on(run))
    return exits.INTERRUPTED


def _follow(app: App, conn: "apsw.Connection", server: "RunnerRow", run_id: int) -> None:
    """Print what each attempt writes, up to the end of the last one."""
    from jeeves_runner.views.runs import last_attempt

    taken_up(conn, app.clock, server, [run_id])  # so that it is said for what the run waits
    output, last = output_of(app), None
    with closing(output):
        while (newest := last_attempt(conn, run_id)) != last:
            follow_log(app, conn, newest, output)
            last = newest


def report_ends(app: App, ends: "Iterable[WholeRunRow]", *, of_several: bool) -> int:
    """Tell of each as it comes; the exit code of them all."""
    ended: list[WholeRunRow] = []
    for run in ends:
        ended.append(run)
        if not app.json:
            _report_end(app, run)
    if app.json:
        document: ResultDocument | TriggeredDocument
        document = {"runs": ended} if of_several else {"result": ended[0]}
        app.print_json(document)
    codes = {_exit_code(run) for run in ended}
    return next(code for code in (exits.ENDED_BADLY, exits.NOT_RUN, exits.OK) if code in codes)


def _exit_code(run: "WholeRunRow") -> int:
    return _EXIT_CODES.get(run["status"], exits.NOT_RUN)


def _report_end(app: App, run: "WholeRunRow") -> None:
    code = _exit_code(run)
    took = f" after {duration(run['duration_ms'])}" if run["duration_ms"] is not None else ""
    note = f": {text}" if (text := whole_run_note(run, app.clock.now(), served=True)) else ""
    word = Styled(run["status"], "green" if code == exits.OK else "red")
    stop = "" if note.endswith((".", "?", "!", "…")) else "."
    app.print(f"Run {run['id']} of {run['job_id']} {end_verb(run)} ", word, f"{took}{note}{stop}")
    if code == exits.ENDED_BADLY:
        for line in last_lines(run["stderr"] or "", _STDERR_LINES):
            say(line)
