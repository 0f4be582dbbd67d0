"""How an error ends the program: a line and a hint for the person, and an exit code.

An error that was not raised on purpose is a bug. Its traceback goes into the project's log and not over the
person's screen.
"""

import errno
import json
import os
import traceback
from collections.abc import Callable
from http import HTTPStatus
from tempfile import NamedTemporaryFile
from typing import Final, NamedTuple

import click

from jeeves_runner.access import give_access
from jeeves_runner.cli import PROGRAM, exits
from jeeves_runner.cli.context import App, say
from jeeves_runner.clock import to_text
from jeeves_runner.errors import NO_MEMORY, NO_THREAD, JeevesError, Undeclared, UsageError
from jeeves_runner.execute.data_folder import folder_in_data
from jeeves_runner.execute.output.log_place import LOGS
from jeeves_runner.regular_files import create, open_own_to_write

LOG_NAME: Final = "jeeves-runner.log"

_SHORTAGE_HINT: Final = "end what takes it, or raise the limit (ulimit -a)"


class _Told(NamedTuple):
    """What is said of an error."""

    message: str
    """A sentence."""
    hint: str | None
    """What to do about it."""
    end: int
    """The exit code."""
    code: str = JeevesError.code
    """The code of the error."""


Tell = Callable[[str, str | None, str], None]
"""Takes a message, a hint, and the code of an error."""


def say_error(message: str, hint: str | None, _code: str) -> None:
    """Two lines for a person."""
    say(f"{PROGRAM}: error: {message}")
    if hint:
        say(f"hint: {hint}")


def report(error: Exception, app: App, tell: Tell | None = None) -> int:
    """Tell about ``error``; the exit code it ends the process with.

    ``tell``: for what is not to be read by people; None: two lines, or with ``--json`` an object.
    """
    while isinstance(error, ExceptionGroup):  # of tasks that ended together: the first one's says why
        error = error.exceptions[0]
    match error:
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            return exits.USAGE
        case click.Abort():
            return exits.INTERRUPTED
    told = _told(error, app)
    tell = tell or (_print_problem if app.json else say_error)
    tell(told.message, told.hint, told.code)
    return told.end


def _told(error: Exception, app: App) -> _Told:
    match error:
        case Undeclared():
            return _Told(
                error.message, _whereabouts(error, app) or error.hint, exits.exit_code(error), error.code
            )
        case JeevesError():
            return _Told(error.message, error.hint, exits.exit_code(error), error.code)
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else PROGRAM
            message = " ".join(error.format_message().split())  # click lists choices line by line
            return _Told(message, f"see '{path} --help'", exits.USAGE, UsageError.code)
        case click.ClickException():
            return _Told(error.format_message(), None, exits.FAILED)
        case _ if (lack := _lack(error)) is not None:
            return _Told(*lack, exits.FAILED)
        case _ if (known := _database_error(error, app)) is not None:
            return _Told(known.message, known.hint, exits.exit_code(known), known.code)
        case _:
            what = " ".join(str(error).split())
            kept = _keep_traceback(error, app)
            return _Told(f"unexpected {type(error).__name__}: {what}", kept, exits.UNEXPECTED, "unexpected")


def _whereabouts(error: Undeclared, app: App) -> str | None:
    """The manifest that has it, if one has; one that cannot be looked at has its own commands."""
    from jeeves_runner.reconcile.undeclared import whereabouts

    try:
        return whereabouts(app.config, (error.kind, error.id))
    except JeevesError:
        return None


def _lack(error: Exception) -> tuple[str, str | None] | None:
    """What the system has not had for the program, and a hint; None if it is no shortage."""
    match error:
        case OSError(errno=errno.ENOSPC):
            return f"the disk is full: {error.filename or 'the output'} cannot be written", None
        case OSError(errno=errno.EROFS):
            return f"the file system of {error.filename or 'the output'} is read-only", None
        case OSError(errno=errno.EMFILE | errno.ENFILE | errno.ENOMEM | errno.EAGAIN):
            return f"the system has no room for this now: {error.strerror}", _SHORTAGE_HINT
        case MemoryError():
            return NO_MEMORY, _SHORTAGE_HINT
        case RuntimeError() if str(error) == NO_THREAD:
            return "there can be no more threads", _SHORTAGE_HINT
    return None


def _print_problem(message: str, hint: str | None, code: str) -> None:
    """The same as the object that HTTP answers, on a line of its own."""
    from jeeves_runner.views.problems import STATUSES, problem_body

    status = STATUSES.get(code, HTTPStatus.INTERNAL_SERVER_ERROR)  # a bug has no code of its own
    body = problem_body(status, code, message, hint=hint)
    say(json.dumps(body))


def _database_error(error: Exception, app: App) -> JeevesError | None:
    """The error as one of the database, if it comes from SQLite: a file found damaged during a read, say."""
    if type(error).__module__ != "apsw":
        return None
    from jeeves_runner.db.file_errors import translate  # loads apsw, which is there if it raised this

    return translate(error, str(app.database))


def _keep_traceback(error: BaseException, app: App) -> str:
    """Write the traceback to the log; where it is, as a hint."""
    text = f"{to_text(app.clock.now())} {''.join(traceback.format_exception(error))}"
    try:
        data_dir = app.data_dir
        _append(str(data_dir), text)
    except Exception:  # noqa: BLE001 - a second error must not hide the first
        return _keep_elsewhere(text)
    return f"this is a bug; the traceback is in {data_dir / LOGS / LOG_NAME}"


def _append(data_dir: str, text: str) -> None:
    """Where scripts may write too: a link that stands there is not followed."""
    with folder_in_data(data_dir, LOGS, make=True) as folder:
        try:
            file = create(LOG_NAME, folder=folder)
            give_access(file, folder)
        except FileExistsError:
            file = open_own_to_write(LOG_NAME, folder=folder, append=True)
        with os.fdopen(file, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(text)


def _keep_elsewhere(text: str) -> str:
    """Write it to a temporary file: the disk of the log is full, or the config is what is broken."""
    try:
        with NamedTemporaryFile(
            "w", encoding="utf-8", prefix="jeeves-runner-", suffix=".log", delete=False
        ) as log:
            log.write(text)
    except OSError:
        return f"this is a bug; its traceback could be written nowhere, and ends: {text.splitlines()[-1]}"
    return f"this is a bug; the traceback is in {log.name}"
