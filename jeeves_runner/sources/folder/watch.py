"""Follows a folder of manifests: the system's notifications, glances where these fail, and git at work."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from jeeves_runner.clock import Clock
from jeeves_runner.errors import SourceError
from jeeves_runner.side_thread import SideThread
from jeeves_runner.sources import stamps
from jeeves_runner.sources.contract import Trace
from jeeves_runner.sources.folder.git_work import GitWork
from jeeves_runner.sources.folder.system_watch import SystemWatch
from jeeves_runner.sources.folder.walk import FolderTrace
from jeeves_runner.sources.stamps import Places


class FolderWatch:
    """The watch of a ``FolderSource``."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        thread = SideThread("jobs folder")
        self._system = SystemWatch(folder, thread)
        self._git = GitWork(folder, clock, thread)
        self._unread = Places(thread)
        self._clock = clock
        # The monotonic time at which the first of the manifests that wait is believed.
        self._believed_at: float | None = None

    async def follow(self, hint: Callable[[], None]) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(hint))
            group.create_task(self._glance(hint))

    async def _listen(self, hint: Callable[[], None]) -> None:
        async for _ in self._system.hints():
            hint()

    async def _glance(self, hint: Callable[[], None]) -> None:
        """Hint at what no notification covers: folders that were moved, what links lead to, git's lock, and
        at the time that ends a wait."""
        while True:
            await asyncio.sleep(stamps.GLANCE)
            await self._system.check()
            if await self._unread.has_changed() or self._is_a_wait_over():
                hint()

    def _is_a_wait_over(self) -> bool:
        """Whether a manifest has waited long enough. Told once."""
        if self._believed_at is None or self._clock.monotonic() < self._believed_at:
            return False
        self._believed_at = None
        return True

    async def looked(self, trace: Trace | None) -> None:
        seen = trace if isinstance(trace, FolderTrace) else None
        self._unread.note({**seen.recheck, **self._git.recheck} if seen else {})
        waits = seen.git.edits.waits.values() if seen and seen.git else ()
        self._believed_at = min((wait.until for wait in waits), default=None)
        if seen:
            self._system.retarget(seen.folders, seen.ways)
            self._git.retarget(root.folder for root in seen.roots)
        await self._system.check()

    async def wait_for_rest(self, say: Callable[[str], None]) -> str | None:
        try:
            return await self._git.wait(say)
        except OSError as error:
            why = f": {error}" if str(error) else ""
            raise SourceError(
                f"the jobs folder {self._folder} does not answer{why}",
                hint="its file system hangs, or the network does",
            ) from None
