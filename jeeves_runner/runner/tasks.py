"""The tasks that a runner consists of: they outlast a shortage, and the runner stops if one of them fails.

It does not go on half alive. Only what no other part relies on may fail by itself.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Final

from jeeves_runner.db.file_errors import translate
from jeeves_runner.db.writer import TRY_AGAIN
from jeeves_runner.errors import (
    NO_MEMORY,
    NO_THREAD,
    DatabaseError,
    DatabaseReplaced,
    DatabaseTooNew,
    Fenced,
    JeevesError,
    NotADatabase,
)
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

_WELL: Final = 5.0
"""Seconds that a task must have lived for to be taken for well again."""

_LASTING: Final = (DatabaseReplaced, DatabaseTooNew, NotADatabase)
"""What is wrong with a database that no waiting mends."""

Work = Coroutine[Any, Any, None]


class Tasks:
    """Tasks that live as long as the runner. ``on_fault`` is called with what one of them has raised, in the
    project's words where it is about the ``database``."""

    def __init__(self, database: Path, on_fault: Callable[[BaseException], object]) -> None:
        self._database = database
        self._on_fault = on_fault
        self._tasks: list[asyncio.Task[None]] = []

    def spawn(self, name: str, work: Work) -> None:
        """Carry ``work`` out; ``name`` is what the log calls it."""
        self._begin(name, work, self._on_end)

    def keep(self, name: str, work: Callable[[], Work]) -> None:
        """The same for work that may be begun again, which is done when something was lacking that may be
        there the next time: descriptors, memory, threads, room or an answer of the disk."""
        self.spawn(name, self._kept(name, work))

    def attempt(self, name: str, work: Work) -> None:
        """As ``spawn``, for work that no other part relies on: that it failed is told, and nothing stops."""
        self._begin(name, work, self._on_end_of_attempt)

    def cancel(self) -> None:
        """Have all of them end."""
        for task in self._tasks:
            task.cancel()

    async def end(self) -> None:
        """Have all of them end, and wait for it."""
        self.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, name: str, work: Work, on_end: Callable[[asyncio.Task[None]], None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(on_end)
        self._tasks.append(task)

    async def _kept(self, name: str, work: Callable[[], Work]) -> None:
        loop = asyncio.get_running_loop()
        trouble = Trouble(log, over=f"the {name} goes on")
        while True:
            well = loop.call_later(_WELL, trouble.over)
            try:
                await work()
                return
            except Exception as error:
                fault = self._in_our_words(error)
                if not may_pass(fault):
                    raise
                why = str(fault) or NO_MEMORY
                trouble.met(f"the {name} has stopped and is begun again: {why}", logging.ERROR)
            finally:
                well.cancel()
            await asyncio.sleep(TRY_AGAIN)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (fault := task.exception()) is None:
            return
        fault = self._in_our_words(fault)
        if not isinstance(fault, JeevesError):
            log.error("the %s failed; stopping", task.get_name(), exc_info=fault)
        elif not isinstance(fault, Fenced):
            log.error("the %s failed; stopping: %s", task.get_name(), fault)
        self._on_fault(fault)

    def _on_end_of_attempt(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (fault := task.exception()) is not None:
            fault = self._in_our_words(fault)
            if isinstance(fault, JeevesError):
                log.error("the %s failed; the runner goes on: %s", task.get_name(), fault)
            else:
                log.error("the %s failed; the runner goes on", task.get_name(), exc_info=fault)

    def _in_our_words(self, fault: BaseException) -> BaseException:
        """The fault as it came, without a task group around it, or what is wrong with the database's file."""
        while isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
            fault = fault.exceptions[0]
        return translate(fault, str(self._database)) or fault


def may_pass(fault: BaseException) -> bool:
    """Whether what has failed so may go well a moment later: something was lacking, and no code is wrong."""
    return all(map(_is_shortage, _parts(fault)))


def _parts(fault: BaseException) -> Iterator[BaseException]:
    if isinstance(fault, BaseExceptionGroup):
        for part in fault.exceptions:
            yield from _parts(part)
    else:
        yield fault


def _is_shortage(fault: BaseException) -> bool:
    if isinstance(fault, RuntimeError):
        return str(fault) == NO_THREAD
    return isinstance(fault, DatabaseError | OSError | MemoryError) and not isinstance(fault, _LASTING)
