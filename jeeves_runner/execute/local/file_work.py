"""Work on files that may never answer, done beside the event loop and waited for only so long.

A start looks at its folders and files, and its program enters its folder before it is one of its own. The
event loop does that itself only where each folder has just answered a question that its file system cannot
answer from memory. What is left: one that begins to hang within ``_LATELY`` after its answer holds the loop
until it goes on. To ask before each start would cost one that comes alone about a tenth of its time.
"""

import asyncio
import os
from functools import partial
from math import inf
from pathlib import Path
from typing import Final

from jeeves_runner.core.model import JobSpec, Secret, SourceType
from jeeves_runner.execute.file_threads import PATIENCE, FileThreads, silent
from jeeves_runner.execute.local.prepare import needs_file
from jeeves_runner.execute.local.temporaries import folder_of_temporaries

_LATELY: Final = 1.0
"""Seconds for which a folder that has answered is taken to answer at once."""
_MOST_PATHS: Final = 10_000


class Files:
    """Knows which files of runs are at hand: those whose folders have just answered.

    Use it from one event loop. Relative paths start at ``root``.
    """

    def __init__(self, root: str, data_dir: str) -> None:
        self._root = root
        self._temporaries = str(folder_of_temporaries(data_dir))
        self._answered: dict[str, float] = {}  # folders, and paths as specs write them, by the loop's time
        self._asked: dict[str, asyncio.Task[bool]] = {}
        self._threads = FileThreads()

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
            raise silent(folder)

    async def _answers(self, folder: str) -> bool:
        """Ask in the folder's own thread."""
        try:
            await self._threads.of(folder).call(partial(os.statvfs, folder), PATIENCE)
        except TimeoutError:
            return False
        except OSError:
            pass  # it is an answer too; or there can be no thread now, and the folder is not asked
        finally:
            del self._asked[folder]
        self._note(folder)
        return True

    def _note(self, path: str) -> None:
        if len(self._answered) >= _MOST_PATHS:
            self._answered.clear()
        self._answered[path] = asyncio.get_running_loop().time()


def _is_written(spec: JobSpec) -> bool:
    return spec.source_type is SourceType.INLINE and needs_file(spec.script)


def _secret_files(spec: JobSpec) -> list[str]:
    return [value.ref for _, value in spec.env if isinstance(value, Secret) and value.kind == "file"]
