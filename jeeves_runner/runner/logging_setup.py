"""The runner's own log: one line per event, for people or for programs."""

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISCHR, S_ISDIR, S_ISREG
from typing import TextIO

from jeeves_runner.clock import to_text
from jeeves_runner.config import LogConfig

log = logging.getLogger(__name__)

_LOGGERS = ("jeeves_runner", "asyncio", "aiohttp")
"""Ours, and those of libraries that would otherwise write to standard error in their own format."""


class TextFormatter(logging.Formatter):
    """``2026-11-24T03:03:35.123Z INFO  message``."""

    def format(self, record: logging.LogRecord) -> str:
        at = to_text(datetime.fromtimestamp(record.created, UTC))
        text = f"{at} {record.levelname:<7} {record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``at``, ``level``, ``logger``, ``message``, with an exception ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": to_text(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def set_up_logging(config: LogConfig, stream: TextIO = sys.stderr) -> None:
    """Send the program's log where the config says. OSError if that is no file or cannot be opened."""
    handler: logging.Handler
    if config.file is None:
        handler = _StandardError(stream)
    else:
        config.file.parent.mkdir(parents=True, exist_ok=True)
        _check_file(config.file)
        handler = logging.FileHandler(config.file, encoding="utf-8")
    handler.setFormatter(JsonFormatter() if config.format == "json" else TextFormatter())
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(config.level.upper())
        logger.propagate = False


def reopen_log_file() -> None:
    """Go on in a new file of the same name, if the log is a file: the old one has been moved away. If that
    cannot be opened, the log stays where it is and says so."""
    for handler in logging.getLogger(_LOGGERS[0]).handlers:
        if isinstance(handler, logging.FileHandler):
            path = Path(handler.baseFilename)
            try:
                _check_file(path)
                old = handler.setStream(path.open("a", encoding="utf-8"))
            except OSError as error:
                log.error("the log file %s cannot be opened anew: %s", path, error.strerror)
            else:
                if old is not None:
                    old.close()


class _StandardError(logging.StreamHandler[TextIO]):
    """Goes on without a word when the reader of the stream has gone: nobody could read it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def _check_file(path: Path) -> None:
    """OSError for a folder or a pipe (opening one would wait for a reader); /dev/null is allowed."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not (S_ISREG(mode) or S_ISCHR(mode)):
        raise OSError(None, "it is a folder" if S_ISDIR(mode) else "it is neither a file nor a device")
