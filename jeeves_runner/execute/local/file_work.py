"""Work on files that may never answer, done beside the event loop and waited for only so long.

A call on a file system that hangs cannot be interrupted. Here it stops a thread of its own, which nothing
waits for at the end of the program, and the run fails.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.shared_result import SharedResult

T = TypeVar("T")

_PATIENCE = 30.0
"""Seconds to wait for an answer."""
_LATELY = 60.0
"""Seconds for which a folder that has answered is taken to answer at once."""
_MOST_FOLDERS = 1000


class FileWork:
    """Knows which folders answer. Use it from one event loop."""

    def __init__(self) -> None:
        self._answered: dict[str, float] = {}  # by the loop's time
        self._asked: dict[str, SharedResult[None]] = {}

    def is_at_hand(self, folders: Sequence[str]) -> bool:
        """Whether all of these have answered lately."""
        since = asyncio.get_running_loop().time() - _LATELY
        return all(self._answered.get(folder, since) > since for folder in folders)

    async def ask(self, folders: Sequence[str]) -> None:
        """Wait until all of these have answered; that one is missing is an answer too. Raises StartFailed."""
        for folder in folders:
            if not self.is_at_hand((folder,)):
                await _in_time(self._asked.get(folder) or self._ask(folder), folder)

    def _ask(self, folder: str) -> SharedResult[None]:
        """One thread for each folder, however many runs wait for it."""

        def on_answer(answer: bool | Exception) -> None:
            del self._asked[folder]
            if len(self._answered) >= _MOST_FOLDERS:
                self._answered.clear()
            self._answered[folder] = loop.time()
            asked.set(None)

        loop = asyncio.get_running_loop()
        asked = self._asked[folder] = SharedResult()
        _in_thread(lambda: os.path.exists(folder), on_answer)  # noqa: PTH110 - whatever it answers
        return asked


async def beside_the_loop(work: Callable[[], T], path: str) -> T:
    """What the work on this file returns or raises. StartFailed if it does not end in time."""
    result: SharedResult[T | Exception] = SharedResult()
    _in_thread(work, result.set)
    answer = await _in_time(result, path)
    if isinstance(answer, Exception):
        raise answer
    return answer


async def _in_time(result: SharedResult[T], path: str) -> T:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await result.wait()
    except TimeoutError:
        raise StartFailed(
            f"the file system of {path} has not answered for {_PATIENCE:.0f} s",
            hint="is it on a server that cannot be reached?",
        ) from None


def _in_thread(work: Callable[[], T], on_answer: Callable[[T | Exception], None]) -> None:
    """Call back in the loop with what the work returns or raises."""
    loop = asyncio.get_running_loop()

    def run() -> None:
        answer: T | Exception
        try:
            answer = work()
        except Exception as error:  # noqa: BLE001 - it goes to the caller
            answer = error
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(on_answer, answer)

    try:
        threading.Thread(target=run, name="file-work", daemon=True).start()
    except RuntimeError:  # no thread to be had
        run()
