"""How an error ends the program: a line and a hint for the person, and an exit code.

An error that was not raised on purpose is a bug. Its traceback goes into the project's log and not over the
person's screen.
"""

import errno
import os
import traceback
from collections.abc import Callable
from tempfile import NamedTemporaryFile
from typing import Final

import click

from jeeves_runner.access import give_access
from jeeves_runner.cli import PROGRAM, exits
from jeeves_runner.cli.context import App, say
from jeeves_runner.clock import to_text
from jeeves_runner.errors import NO_MEMORY, NO_THREAD, JeevesError, UsageError
from jeeves_runner.execute.data_folder import folder_in_data
from jeeves_runner.execute.output.log_place import LOGS
from jeeves_runner.regular_files import create, open_own_to_write

LOG_NAME: Final = "jeeves-runner.log"

_SHORTAGE_HINT: Final = "end what takes it, or raise the limit (ulimit -a)"


def say_error(message: str, hint: str | None, _code: str) -> None:
    """Two lines for a person."""
    say(f"{PROGRAM}: error: {message}")
    if hint:
        say(f"hint: {hint}")


def report(error: Exception, app: App, tell: Callable[[str, str | None, str], None] = say_error) -> int:
    """Tell about ``error``; the exit code it ends the process with.

    ``tell`` gets the message, the hint and the code of the error; it is for what is not to be read by people.
    """
    while isinstance(error, ExceptionGroup):  # of tasks that ended together: the first one's says why
        error = error.exceptions[0]
    match error:
        case JeevesError():
            tell(error.message, error.hint, error.code)
            return exits.exit_code(error)
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            return exits.USAGE
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else PROGRAM
            tell(error.format_message(), f"see '{path} --help'", UsageError.code)
            return exits.USAGE
        case click.ClickException():
            tell(error.format_message(), None, JeevesError.code)
            return exits.FAILED
        case click.Abort():
            return exits.INTERRUPTED
        case _ if (lack := _lack(error)) is not None:
            tell(*lack, JeevesError.code)
            return exits.FAILED
        case _ if (known := _database_error(error, app)) is not None:
            tell(known.message, known.hint, known.code)
            return exits.exit_code(known)
        case _:
            what = " ".join(str(error).split())
            tell(f"unexpected {type(error).__name__}: {what}", _keep_traceback(error, app), "unexpected")
            return exits.UNEXPECTED


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
