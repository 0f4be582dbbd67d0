"""Work on files that may never answer, done beside the event loop and waited for only so long.

A call on a file system that hangs cannot be interrupted. Here it stops a thread of its own, which nothing
waits for at the end of the program, and the run fails.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import TypeVar

from jeeves_runner.core.model import JobSpec, Secret, SourceType
from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.shared_result import SharedResult

T = TypeVar("T")

_PATIENCE = 30.0
"""Seconds to wait for an answer."""
_LATELY = 60.0
"""Seconds for which a folder that has answered is taken to answer at once."""
_MOST_PATHS = 10_000


class Files:
    """Knows which files of runs are at hand: those whose folders have answered lately.

    Use it from one event loop. Relative paths start at ``root``.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._answered: dict[str, float] = {}  # folders, and paths as specs write them, by the loop's time
        self._asked: dict[str, SharedResult[None]] = {}

    def are_at_hand(self, spec: JobSpec) -> bool:
        """Whether a run of this job may look at once into its working folder, its script and its secrets."""
        lately = asyncio.get_running_loop().time() - _LATELY
        answered = self._answered
        if answered.get(spec.cwd or self._root, lately) <= lately:
            return False
        if spec.source_type is SourceType.PATH and answered.get(spec.script, lately) <= lately:
            return False
        return not spec.env or all(answered.get(path, lately) > lately for path in _secret_files(spec))

    async def ask(self, spec: JobSpec) -> None:
        """Wait until they are; that one is missing is an answer too. Raises StartFailed."""
        await self._ask_for(spec.cwd or self._root)
        paths = _secret_files(spec)
        if spec.source_type is SourceType.PATH:
            paths.append(spec.script)
        for path in paths:
            await self._ask_for(str(Path(self._root, path).parent))
            self._note(path)

    async def _ask_for(self, folder: str) -> None:
        """In one thread for each folder, however many runs wait for it."""
        loop = asyncio.get_running_loop()
        if self._answered.get(folder, -inf) > loop.time() - _LATELY:
            return
        asked = self._asked.get(folder)
        if asked is None:
            asked = self._asked[folder] = SharedResult()
            _in_thread(lambda: os.path.exists(folder), lambda _answer: self._on_answer(folder))  # noqa: PTH110
        await _in_time(asked, folder)

    def _on_answer(self, folder: str) -> None:
        self._note(folder)
        self._asked.pop(folder).set(None)

    def _note(self, path: str) -> None:
        if len(self._answered) >= _MOST_PATHS:
            self._answered.clear()
        self._answered[path] = asyncio.get_running_loop().time()


def _secret_files(spec: JobSpec) -> list[str]:
    return [value.ref for _, value in spec.env if isinstance(value, Secret) and value.kind == "file"]


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
