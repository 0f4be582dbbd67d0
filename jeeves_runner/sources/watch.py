"""Hints that something in the folder of manifests may have changed.

The system's notifications are hints and no more: some changes give none (a swapped symlink, a
folder deleted and made again while nobody watches). So the folder's parent is watched as well,
the watch is armed anew whenever the set of folders changes, and callers look again at an
interval whatever they hear.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

from watchfiles import awatch

log = logging.getLogger(__name__)

_DEBOUNCE_MS = 100
_STEP_MS = 20
_PAUSE = 1.0
"""Seconds before a watch that failed is armed again."""


class FolderWatch:
    """Watches ``folder`` with all below it, and the parent for the folder itself coming or going."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._targets: frozenset[str] = frozenset()
        self._rearm = asyncio.Event()

    def retarget(self, folders: Iterable[str]) -> None:
        """Of these real folders, watch those elsewhere too: the places that symlinks lead to."""
        inside = self._folder.resolve()
        targets = frozenset(f for f in folders if inside not in (Path(f), *Path(f).parents))
        if targets != self._targets:
            self._targets = targets
            self._rearm.set()

    async def hints(self) -> AsyncIterator[None]:
        """Yields each time something may have changed, a burst of changes as one; without end."""
        while True:
            self._rearm.clear()
            async for _ in self._armed():
                yield

    async def _armed(self) -> AsyncIterator[None]:
        """One arming of the system's watches; ends when it must be done anew.

        Its first hint comes once the watches stand: what changed before them was heard by nobody.
        """
        found: asyncio.Queue[None] = asyncio.Queue(1)
        watchers = [
            asyncio.create_task(self._watch(found, paths, deep)) for paths, deep in self._places() if paths
        ]
        rearm = asyncio.create_task(self._rearm.wait())
        try:
            # A watch is set up by the first step of its task, before anything is awaited there.
            await asyncio.sleep(0)
            yield
            while not rearm.done():
                if await _is_heard(found, {rearm, *watchers}):
                    yield
                elif any(watcher.done() for watcher in watchers):
                    _explain(watchers)
                    await asyncio.wait({rearm}, timeout=_PAUSE)
                    return
        finally:
            rearm.cancel()
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)

    def _places(self) -> list[tuple[list[Path], bool]]:
        inside = {Path(p) for p in self._targets} | {self._folder}
        below = [p for p in inside if p.is_dir()]
        tops = [p for p in below if not any(other in p.parents for other in below)]
        parent = self._folder.parent
        return [(sorted(tops), True), ([parent] if parent.is_dir() else [], False)]

    async def _watch(self, found: "asyncio.Queue[None]", paths: list[Path], recursive: bool) -> None:
        name = self._folder.name

        def concerns(_change: object, path: str) -> bool:
            return recursive or Path(path).name == name

        async for _ in awatch(
            *paths,
            watch_filter=concerns,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            recursive=recursive,
            ignore_permission_denied=True,
        ):
            if found.empty():
                found.put_nowait(None)
            if not recursive:
                self._rearm.set()


async def _is_heard(found: "asyncio.Queue[None]", others: "set[asyncio.Task[Any]]") -> bool:
    """Whether a hint was the first to come."""
    hint = asyncio.create_task(found.get())
    try:
        await asyncio.wait({hint, *others}, return_when=asyncio.FIRST_COMPLETED)
        return hint.done()
    finally:
        hint.cancel()


def _explain(watchers: "list[asyncio.Task[None]]") -> None:
    for watcher in watchers:
        if watcher.done() and not watcher.cancelled() and watcher.exception() is not None:
            log.warning("watching the manifests failed, trying again: %s", watcher.exception())
