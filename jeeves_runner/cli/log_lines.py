"""What parts of a server say while a command has them at work: lines for the person who waits."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from jeeves_runner.cli.context import say


@contextmanager
def log_as_lines() -> Iterator[None]:
    """Show what is logged meanwhile, warnings and worse, as a command shows its own: ``warning: …`` on
    standard error. Without this, logging would write there in a form of its own."""
    handler = _Lines(logging.WARNING)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        word = "error" if record.levelno >= logging.ERROR else "warning"
        text = record.getMessage()
        if record.exc_info is not None and (error := record.exc_info[1]) is not None:
            text += f": {type(error).__name__}: {error}"  # a traceback tells a person nothing
        say(f"{word}: {text}")
