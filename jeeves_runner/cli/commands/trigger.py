"""``trigger``: a run by hand, done by the server."""

import json
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Final

import click

from jeeves_runner.cli import completion, exits
from jeeves_runner.cli.context import App, json_option, pass_app, say
from jeeves_runner.cli.formats import duration
from jeeves_runner.cli.rows import OF_A_RUN, run_note
from jeeves_runner.cli.server import require_server, server_has_stopped, server_of
from jeeves_runner.cli.terminal import Styled
from jeeves_runner.cli.waiting import Absence, EndOfRun
from jeeves_runner.core.model import BAD, RunStatus, Trigger
from jeeves_runner.core.params import param_variables
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.db.run_requests import RunRequest, request_run
from jeeves_runner.errors import InvalidValue, UsageError

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.db.run_list import WholeRunRow
    from jeeves_runner.views.runs import ResultDocument

_EXIT_CODES: Final[Mapping[str, int]] = {RunStatus.OK: exits.OK, **dict.fromkeys(BAD, exits.ENDED_BADLY)}
_STDERR_LINES: Final = 10

_LOOK_ANYWAY: Final = 5.0
"""Seconds after which the run is looked at although its server has said nothing."""


@click.command("trigger")
@click.argument("job_id", metavar="JOB", shell_complete=completion.JOBS)
@click.option("--param", "params", metavar="KEY=VALUE", multiple=True, help="For the script: JR_PARAM_KEY.")
@click.option("--wait", is_flag=True, help="Wait for the end, of retries too, and exit by it.")
@click.option("--force", is_flag=True, help="Although the job is paused or another run of it is active.")
@json_option
@pass_app
def command(app: App, job_id: str, params: tuple[str, ...], wait: bool, force: bool) -> int:
    """Run JOB now, on the server that runs.

    Exit code 0: asked for, or with --wait: it ended ok. 1: its last attempt ended error, timeout or
    interrupted. 2: it could not be triggered. 3: it was skipped or cancelled.
    """
    from jeeves_runner.views.job_lookup import live_job
    from jeeves_runner.views.runs import run_view

    given = _params(params)
    with closing(app.connect()) as conn:
        live_job(conn, job_id)
        text = json.dumps(given, ensure_ascii=False) if given else None
        request = RunRequest(job_id=job_id, trigger=Trigger.MANUAL, params=text, forced=force)
        with announced_transaction(conn, app.clock) as tx:
            # Here, so that no server begins to stop between the look and the request.
            require_server(tx.conn)
            run_id = request_run(tx, request)
        if wait:
            return _report_end(app, _end_of(app, conn, run_id))
        document = run_view(conn, run_id)
    if app.json:
        app.print_json(document)
    else:
        app.print(f"Run {run_id} of {job_id} is asked for; `jeeves-runner run {run_id}` shows it.")
    return exits.OK


def _params(words: tuple[str, ...]) -> dict[str, str]:
    """The parameters by name, as a script can get them; UsageError."""
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise UsageError(
                f"--param {word} is not of the form KEY=VALUE", hint="for example --param DAY=monday"
            )
        if name in given:
            raise UsageError(f"--param {name} is given twice")
        given[name] = value
    try:
        param_variables(given)
    except InvalidValue as error:
        raise UsageError(error.message, hint=error.hint) from error
    return given


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
    note = f": {text}" if (text := run_note(run, served=True)) else ""
    word = Styled(run["status"], "green" if code == exits.OK else "red")
    app.print(f"Run {run['id']} of {run['job_id']} ended ", word, f"{took}{note}.")
    if code == exits.ENDED_BADLY:
        for line in (run["stderr"] or "").splitlines()[-_STDERR_LINES:]:
            say(f"{OF_A_RUN}{line}")
    return code
