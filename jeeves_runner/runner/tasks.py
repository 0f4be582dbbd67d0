"""The tasks that a runner consists of: it stops if one of them fails, and does not go on half alive."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from jeeves_runner.db.transaction import translate
from jeeves_runner.errors import Fenced, JeevesError

log = logging.getLogger(__name__)


class Tasks:
    """Tasks that live as long as the runner. ``on_fault`` is called with what one of them has raised, in the
    project's words where it is about the ``database``."""

    def __init__(self, database: Path, on_fault: Callable[[BaseException], object]) -> None:
        self._database = database
        self._on_fault = on_fault
        self._tasks: list[asyncio.Task[None]] = []

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Keep ``work`` going; ``name`` is what the log calls it."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._on_end)
        self._tasks.append(task)

    def cancel(self) -> None:
        """Have all of them end."""
        for task in self._tasks:
            task.cancel()

    async def end(self) -> None:
        """Have all of them end, and wait for it."""
        self.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (fault := task.exception()) is None:
            return
        fault = self._in_our_words(fault)
        if not isinstance(fault, JeevesError):
            log.error("the %s failed; stopping", task.get_name(), exc_info=fault)
        elif not isinstance(fault, Fenced):
            log.error("the %s failed; stopping: %s", task.get_name(), fault)
        self._on_fault(fault)

    def _in_our_words(self, fault: BaseException) -> BaseException:
        """The fault as it came, without a task group around it, or what is wrong with the database's file."""
        while isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
            fault = fault.exceptions[0]
        return translate(fault, str(self._database)) or fault
