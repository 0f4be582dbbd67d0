"""The system's notifications that something in the folder of manifests may have changed.

They are only hints: some changes give none (a swapped symlink, a folder that is
deleted and made again while it is not watched). So the nearest existing folder above is watched as well, the
watch is armed again whenever other folders stand where it was armed, and callers also look at an interval.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

from watchfiles import awatch

from jeeves_runner.sources.names import is_text

log = logging.getLogger(__name__)

_DEBOUNCE_MS = 100
_STEP_MS = 20
_PAUSE = 1.0
"""Seconds before a watch that failed is armed again."""

_Identity = tuple[int, int]


class SystemWatch:
    """Watches ``folder`` with all below it, and what is above for the folder itself coming or going."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._targets: frozenset[str] = frozenset()
        self._armed_at: dict[Path, _Identity] | None = None
        self._rearm = asyncio.Event()

    def retarget(self, folders: Iterable[str]) -> None:
        """Watch also those of these real folders that lie outside of ours: symlinks lead there."""
        inside = self._folder.resolve()
        # The watch cannot take names that are not UTF-8; changes there are seen at the interval.
        targets = frozenset(f for f in folders if is_text(f) and inside not in (Path(f), *Path(f).parents))
        if targets != self._targets:
            self._targets = targets
            self._rearm.set()

    def check(self) -> None:
        """Arm the watch again, which gives a hint, if other folders stand where it was armed."""
        if self._armed_at is not None and self._armed_at != self._standing():
            self._rearm.set()

    async def hints(self) -> AsyncIterator[None]:
        """Yields each time something may have changed, a burst of changes as one; without end."""
        while True:
            self._rearm.clear()
            async for _ in self._armed():
                yield

    async def _armed(self) -> AsyncIterator[None]:
        """One arming of the system's watches; ends when they must be armed again.

        It gives a hint as soon as the watches stand: what changed before was not heard.
        """
        found: asyncio.Queue[None] = asyncio.Queue(1)
        self._armed_at = self._standing()
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
                    _log_failures(watchers)
                    await asyncio.wait({rearm}, timeout=_PAUSE)
                    return
        finally:
            rearm.cancel()
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)

    def _places(self) -> list[tuple[list[Path], bool]]:
        """``(folders, with all below them)`` to watch."""
        inside = {Path(p) for p in self._targets} | {self._folder}
        below = [p for p in inside if p.is_dir()]
        tops = [p for p in below if not any(other in p.parents for other in below)]
        return [(sorted(tops), True), ([self._above()], False)]

    def _above(self) -> Path:
        """The nearest folder above the manifests that exists."""
        return next(place for place in self._folder.parents if place.is_dir())

    def _standing(self) -> dict[Path, _Identity]:
        places = (place for paths, _ in self._places() for place in paths)
        return {place: found for place in places if (found := _identity(place)) is not None}

    async def _watch(self, found: "asyncio.Queue[None]", paths: list[Path], recursive: bool) -> None:
        name = "" if recursive else self._folder.relative_to(paths[0]).parts[0]

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


def _identity(place: Path) -> _Identity | None:
    try:
        found = place.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


async def _is_heard(found: "asyncio.Queue[None]", others: "set[asyncio.Task[Any]]") -> bool:
    """Whether a hint was the first to come."""
    hint = asyncio.create_task(found.get())
    try:
        await asyncio.wait({hint, *others}, return_when=asyncio.FIRST_COMPLETED)
        return hint.done()
    finally:
        hint.cancel()


def _log_failures(watchers: "list[asyncio.Task[None]]") -> None:
    for watcher in watchers:
        if not watcher.done() or watcher.cancelled() or (error := watcher.exception()) is None:
            continue
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        log.warning("watching the manifests failed, trying again: %s", error)
