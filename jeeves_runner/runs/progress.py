"""What is said of a run while it runs: the newest word, written to its row about once a second."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from jeeves_runner.core.outcome import MAX_TOKENS
from jeeves_runner.errors import DatabaseError, Fenced
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

_EVERY: Final = 1.0
"""Seconds between two writes of one run."""

_LONGEST: Final = 500
"""Characters of a message that are kept."""


class Said(NamedTuple):
    """What is said of a run."""

    message: str | None = None
    """What it does or waits for, for people."""
    tokens: int | None = None
    """How many tokens it has used so far."""


class Progress:
    """Keeps the row of one run up with what is said of it, from one event loop.

    The first word is written at once, of several within a second the last one. ``write`` writes one; while it
    is on its way nothing more is handed over. ``said`` is what the row holds already.
    """

    def __init__(self, write: Callable[[Said], Awaitable[object]], said: Said) -> None:
        self._write = write
        self._said = self._written = said
        self._writing: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def message(self) -> str | None:
        """The newest word."""
        return self._said.message

    def say(self, message: str | None, tokens: int | None) -> None:
        """The newest word. Without a message there is none any more; without tokens their number stays."""
        if tokens is None or not 0 <= tokens <= MAX_TOKENS:
            tokens = self._said.tokens
        self._said = Said(None if message is None else _kept(message), tokens)
        if self._said != self._written and self._writing is None and not self._is_closed:
            self._writing = asyncio.get_running_loop().create_task(self._write_on())

    def close(self) -> None:
        """Write nothing more: the run has ended, or is another runner's."""
        self._is_closed = True
        if self._writing is not None:
            self._writing.cancel()

    async def _write_on(self) -> None:
        trouble = Trouble(log, over="what is said of runs can be written again")
        try:
            while self._said != self._written:
                said = self._said
                try:
                    await self._write(said)
                    self._written = said
                    trouble.over()
                except (DatabaseError, RuntimeError) as error:  # the next word is as good
                    trouble.met(f"what is said of a run could not be written: {error}")
                await asyncio.sleep(_EVERY)
        except Fenced:
            self._is_closed = True
        finally:
            self._writing = None


def _kept(message: str) -> str:
    """What the row keeps of a message: not all of a long one, and nothing that is no character."""
    text = message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"
    return text.encode("utf-8", "replace").decode()
