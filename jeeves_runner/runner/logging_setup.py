"""The runner's own log: one line per event, for people or for programs."""

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from jeeves_runner.access import PRIVATE, make_folder
from jeeves_runner.clock import to_text
from jeeves_runner.config import LogConfig
from jeeves_runner.core.wording import one_line, printable_json
from jeeves_runner.regular_files import open_to_append
from jeeves_runner.runner.log_thread import ThreadHandler

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

log = logging.getLogger(__name__)

_STANDARD_OUTPUT: Final = 1
_STANDARD_ERROR: Final = 2

_LOGGERS = ("jeeves_runner", "asyncio", "aiohttp")
"""Ours, and those of libraries that say as much as ours. Of all others the root has what is wrong."""


class TextFormatter(logging.Formatter):
    """``2026-11-24T03:03:35.123Z INFO  message``; the lines of a traceback follow indented.

    What stands in a message cannot begin a line, so none can be taken for another message.
    """

    def format(self, record: logging.LogRecord) -> str:
        at = to_text(datetime.fromtimestamp(record.created, UTC))
        text = f"{at} {record.levelname:<7} {one_line(record.getMessage())}"
        return "\n    ".join([text, *map(one_line, (_trace(self, record) or "").splitlines())])


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``at``, ``level``, ``logger``, ``message``, the ``facts`` of the record by
    their names, and with an exception ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": to_text(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if (trace := _trace(self, record)) is not None:
            entry["traceback"] = trace
        return printable_json(json.dumps(entry, ensure_ascii=False))


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str | None:
    """The traceback that goes with a message: of this process, or of another that sent it as ``trace``."""
    if record.exc_info:
        return formatter.formatException(record.exc_info)
    trace: str | None = getattr(record, "trace", None)
    return trace


def set_up_logging(
    config: LogConfig, descriptor: int = _STANDARD_ERROR, *, folder_mode: int = PRIVATE
) -> None:
    """Send the program's log where the config says, without ever waiting for it.

    ``folder_mode``: that of the log's folder, should it be missing, which may be the folder of all data.
    OSError if the log is no file or cannot be opened.
    """
    if config.file is None:
        handler = ThreadHandler(descriptor)
    else:
        make_folder(config.file.parent, folder_mode)
        open_file = partial(open_to_append, config.file)
        handler = ThreadHandler(open_file(), open_file)
    handler.setFormatter(JsonFormatter() if config.format == "json" else TextFormatter())
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(config.level.upper())
        logger.propagate = False
    logging.getLogger().handlers[:] = [handler]  # else Python would write there what has no handler


def log_what_python_says() -> None:
    """Have in the log what the interpreter would write to standard error by itself: warnings, and exceptions
    that nothing can catch."""
    logging.captureWarnings(True)
    sys.unraisablehook = _tell_unraisable
    threading.excepthook = _tell_of_thread


def _tell_unraisable(told: "UnraisableHookArgs") -> None:
    what = told.err_msg or "an exception was ignored in"
    log.error("%s %r", what, told.object, exc_info=(told.exc_type, told.exc_value, told.exc_traceback))  # type: ignore[arg-type]


def _tell_of_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_type is SystemExit:
        return
    name = "that has ended" if told.thread is None else told.thread.name
    log.error("the thread %s failed", name, exc_info=(told.exc_type, told.exc_value, told.exc_traceback))  # type: ignore[arg-type]


def lines_for_people(descriptor: int = _STANDARD_OUTPUT) -> ThreadHandler:
    """What takes lines beside the log, and waits for nothing either.

    It is the log itself where both go to the same place: so the lines stand in the order in which they came.
    """
    for handler in handlers():
        if handler.writes_to(descriptor):
            return handler
    return ThreadHandler(descriptor)


def reopen_log_file() -> None:
    """Go on in a new file of the same name, if the log is a file: the old one has been moved away."""
    for handler in handlers():
        handler.reopen()


def flush_log() -> None:
    """Wait for the last lines, as long as ``LAST_LINES`` at most."""
    for handler in handlers():
        handler.flush()


def handlers() -> list[ThreadHandler]:
    handlers = logging.getLogger(_LOGGERS[0]).handlers
    return [handler for handler in handlers if isinstance(handler, ThreadHandler)]
