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
        handler = logging.StreamHandler(stream)
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


def _check_file(path: Path) -> None:
    """OSError for a folder or a pipe (opening one would wait for a reader); /dev/null is allowed."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not (S_ISREG(mode) or S_ISCHR(mode)):
        raise OSError(None, "it is a folder" if S_ISDIR(mode) else "it is neither a file nor a device")
