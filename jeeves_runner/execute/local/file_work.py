"""Work on files that may never answer, done beside the event loop and waited for only so long.

A start looks at its folders and files, and its program enters its folder before it is one of its own. The
event loop does that itself only where each folder has just answered a question that its file system cannot
answer from memory. What is left: one that begins to hang within ``_LATELY`` after its answer holds the loop
until it goes on. To ask before each start would cost one that comes alone about a tenth of its time.
"""

import asyncio
import os
from collections.abc import Callable
from functools import partial
from math import inf
from pathlib import Path
from typing import Final, TypeVar

from jeeves_runner.core.model import JobSpec, Secret, SourceType
from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.local.prepare import needs_file
from jeeves_runner.execute.local.temporaries import folder_of_temporaries
from jeeves_runner.side_thread import SideThread

T = TypeVar("T")

_PATIENCE: Final = 30.0
"""Seconds to wait for an answer."""
_LATELY: Final = 1.0
"""Seconds for which a folder that has answered is taken to answer at once."""
_MOST_PATHS: Final = 10_000
_MOST_THREADS: Final = 32


class Files:
    """Knows which files of runs are at hand: those whose folders have just answered.

    Use it from one event loop. Relative paths start at ``root``.
    """

    def __init__(self, root: str, data_dir: str) -> None:
        self._root = root
        self._temporaries = str(folder_of_temporaries(data_dir))
        self._answered: dict[str, float] = {}  # folders, and paths as specs write them, by the loop's time
        self._asked: dict[str, asyncio.Task[bool]] = {}
        self._threads: dict[str, SideThread] = {}

    def are_at_hand(self, spec: JobSpec) -> bool:
        """Whether a run of this job may look at once into its working folder, its script and its secrets, and
        write its inline text."""
        lately = asyncio.get_running_loop().time() - _LATELY
        answered = self._answered
        if answered.get(spec.cwd or self._root, lately) <= lately:
            return False
        if spec.source_type is SourceType.PATH and answered.get(spec.script, lately) <= lately:
            return False
        if _is_written(spec) and answered.get(self._temporaries, lately) <= lately:
            return False
        return not spec.env or all(answered.get(path, lately) > lately for path in _secret_files(spec))

    async def ask(self, spec: JobSpec) -> None:
        """Wait until they are; that one is missing is an answer too. Raises StartFailed."""
        await self._ask_for(spec.cwd or self._root)
        if _is_written(spec):
            await self._ask_for(self._temporaries)
        paths = _secret_files(spec)
        if spec.source_type is SourceType.PATH:
            paths.append(spec.script)
        for path in paths:
            await self._ask_for(str(Path(self._root, path).parent))
            self._note(path)

    async def _ask_for(self, folder: str) -> None:
        """Once, however many runs wait for the answer."""
        if self._answered.get(folder, -inf) > asyncio.get_running_loop().time() - _LATELY:
            return
        asked = self._asked.get(folder)
        if asked is None:
            asked = self._asked[folder] = asyncio.ensure_future(self._answers(folder))
        if not await asyncio.shield(asked):
            raise _silent(folder)

    async def _answers(self, folder: str) -> bool:
        """Ask in a thread of the folder's own: there is one such thread at most, also while it hangs."""
        try:
            await self._thread_of(folder).call(partial(os.statvfs, folder), _PATIENCE)
        except TimeoutError:
            return False
        except OSError:
            pass  # it is an answer too; or there can be no thread now, and the folder is not asked
        finally:
            del self._asked[folder]
        self._note(folder)
        return True

    def _thread_of(self, folder: str) -> SideThread:
        thread = self._threads.get(folder)
        if thread is None:
            if len(self._threads) >= _MOST_THREADS:
                self._threads.clear()
            thread = self._threads[folder] = SideThread("file work")
        return thread

    def _note(self, path: str) -> None:
        if len(self._answered) >= _MOST_PATHS:
            self._answered.clear()
        self._answered[path] = asyncio.get_running_loop().time()


def _is_written(spec: JobSpec) -> bool:
    return spec.source_type is SourceType.INLINE and needs_file(spec.script)


def _secret_files(spec: JobSpec) -> list[str]:
    return [value.ref for _, value in spec.env if isinstance(value, Secret) and value.kind == "file"]


async def beside_the_loop(work: Callable[[], T], path: str) -> T:
    """What the work on this file returns or raises. StartFailed if it does not end in time, or if there is no
    thread for it."""
    try:
        return await SideThread("file work").call(work, _PATIENCE)
    except TimeoutError:
        raise _silent(path) from None
    except OSError as error:
        raise StartFailed(f"{path} cannot be read now: {error.strerror}") from error


def _silent(path: str) -> StartFailed:
    return StartFailed(
        f"the file system of {path} has not answered for {_PATIENCE:.0f} s",
        hint="is it on a server that cannot be reached?",
    )
