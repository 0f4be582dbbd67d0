"""The runner's own log: one line per event, for people or for programs."""

import json
import logging
from datetime import UTC, datetime
from functools import partial
from typing import Final

from jeeves_runner.access import PRIVATE, make_folder
from jeeves_runner.clock import to_text
from jeeves_runner.config import LogConfig
from jeeves_runner.core.wording import one_line, printable_json
from jeeves_runner.regular_files import open_to_append
from jeeves_runner.runner.log_thread import ThreadHandler

_STANDARD_OUTPUT: Final = 1
_STANDARD_ERROR: Final = 2

_LOGGERS = ("jeeves_runner", "asyncio", "aiohttp")
"""Ours, and those of libraries that would otherwise write to standard error in their own format."""


class TextFormatter(logging.Formatter):
    """``2026-11-24T03:03:35.123Z INFO  message``; the lines of a traceback follow indented.

    What stands in a message cannot begin a line, so none can be taken for another message.
    """

    def format(self, record: logging.LogRecord) -> str:
        at = to_text(datetime.fromtimestamp(record.created, UTC))
        text = f"{at} {record.levelname:<7} {one_line(record.getMessage())}"
        return "\n    ".join([text, *map(one_line, (_trace(self, record) or "").splitlines())])


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``at``, ``level``, ``logger``, ``message``, with an exception ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": to_text(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
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


def lines_for_people(descriptor: int = _STANDARD_OUTPUT) -> ThreadHandler:
    """What takes lines beside the log, and waits for nothing either.

    It is the log itself where both go to the same place: so the lines stand in the order in which they came.
    """
    for handler in _handlers():
        if handler.writes_to(descriptor):
            return handler
    return ThreadHandler(descriptor)


def reopen_log_file() -> None:
    """Go on in a new file of the same name, if the log is a file: the old one has been moved away."""
    for handler in _handlers():
        handler.reopen()


def flush_log() -> None:
    """Wait for the last lines, as long as ``LAST_LINES`` at most."""
    for handler in _handlers():
        handler.flush()


def _handlers() -> list[ThreadHandler]:
    handlers = logging.getLogger(_LOGGERS[0]).handlers
    return [handler for handler in handlers if isinstance(handler, ThreadHandler)]
