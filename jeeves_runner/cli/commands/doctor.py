"""``doctor``: look at everything that a runner needs, and say what to do."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import click

from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.doctor.document import doctor_document
from jeeves_runner.cli.exits import FAILED, OK, UNWELL
from jeeves_runner.cli.tables import Prose
from jeeves_runner.cli.terminal import Styled
from jeeves_runner.core.diagnosis import Diagnosis, Level, Subject, worst
from jeeves_runner.errors import ConfigError, JeevesError

_CODES: Final[dict[Level, int]] = {"ok": OK, "warning": UNWELL, "error": FAILED}
_STYLES: Final[dict[Level, str]] = {"ok": "green", "warning": "yellow", "error": "red"}


@click.command("doctor")
@click.option("--spawn", is_flag=True, help="Have the gateway begin a session of one word. It costs tokens.")
@json_option
@pass_app
def command(app: App, spawn: bool) -> int:
    """Look at everything that a runner needs, and say what to do.

    It changes nothing, but for a session on trial. Exit code 0: all is well, 1: there are warnings, 2: there
    are errors.
    """
    found = list(_examinations(app, with_trial=spawn))
    if app.json:
        app.print_json(doctor_document(found))
    else:
        rows = [(Styled(each.level, _STYLES[each.level]), each.subject, str(each)) for each in found]
        app.print_table(("LEVEL", "PART", Prose("FINDING")), rows)
    return _CODES[worst(found)]


def _examinations(app: App, *, with_trial: bool) -> Iterator[Diagnosis]:
    from jeeves_runner.cli.doctor import access, agents, machine, notifications, project, running, storage

    try:
        fault = app.forgive_config()
    except ConfigError as error:  # nothing else can be looked at
        yield Diagnosis("config", "error", error.message, error.hint)
        return
    config = app.settings
    yield from _examine("config", lambda: project.examine_config(app.here, app.config_path, fault))
    yield from _examine("manifests", lambda: project.examine_manifests(config, fault))
    yield from _examine("database", lambda: storage.examine_database(config, app.clock))
    server = running.running_server(config)
    yield from _examine("server", lambda: running.examine_server(config, server))
    yield from _examine("access", lambda: access.examine_access(config, app.clock))
    yield from _examine("disk", lambda: storage.examine_disks(config))
    yield from _examine("clock", machine.examine_clock)
    yield from _examine("limits", lambda: machine.examine_limits(config, server and server.pid))
    yield from _examine(
        "gateway", lambda: agents.examine_gateway(config, fault, app.clock, with_trial=with_trial)
    )
    yield from _examine(
        "notifications", lambda: notifications.examine_notifications(config, fault, app.clock)
    )


def _examine(subject: Subject, look: Callable[[], Iterable[Diagnosis]]) -> Iterator[Diagnosis]:
    """What a look finds; one that comes to no end finds that."""
    try:
        yield from look()
    except JeevesError as error:
        yield Diagnosis(subject, "error", error.message, error.hint)
    except OSError as error:
        yield Diagnosis(subject, "error", f"{error.filename or 'the system'}: {error.strerror}")
