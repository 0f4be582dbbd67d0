"""Follows a folder of manifests: the system's notifications, glances where these fail, and git at work."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from jeeves_runner.clock import Clock
from jeeves_runner.sources import stamps
from jeeves_runner.sources.contract import Trace
from jeeves_runner.sources.folder.git_lock import GitLock
from jeeves_runner.sources.folder.system_watch import SystemWatch
from jeeves_runner.sources.folder.walk import FolderTrace
from jeeves_runner.sources.stamps import FileStamp, Places


class FolderWatch:
    """The watch of a ``FolderSource``."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._system = SystemWatch(folder)
        self._git = GitLock(folder, clock)
        self._unread = Places()
        # The lock that the last wait gave up on, with its stamp.
        self._lock: dict[str, FileStamp] = {}

    async def follow(self, hint: Callable[[], None]) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(hint))
            group.create_task(self._glance(hint))

    async def _listen(self, hint: Callable[[], None]) -> None:
        async for _ in self._system.hints():
            hint()

    async def _glance(self, hint: Callable[[], None]) -> None:
        """Hint at what no notification covers: folders that were moved, what links lead to, git's lock."""
        while True:
            await asyncio.sleep(stamps.GLANCE)
            self._system.check()
            if await self._unread.has_changed():
                hint()

    def looked(self, trace: Trace | None) -> None:
        seen = trace if isinstance(trace, FolderTrace) else None
        self._unread.note({**seen.recheck, **self._lock} if seen else {})
        if seen:
            self._system.retarget(seen.folders)
        self._system.check()

    async def wait_for_rest(self, say: Callable[[str], None]) -> str | None:
        lock = await self._git.wait(lambda lock: say(f"waiting for git: {lock} exists"))
        self._lock = {} if lock is None else {str(lock): self._git.left_over}
        if lock is None:
            return None
        return f"deletes wait for git: {lock} exists; if no git command is at work, remove it"
