"""The system's notifications that something in the folder of manifests may have changed.

They are only hints: some changes give none (a folder that is deleted and made again while it is not watched).
The system follows no links: so the places are watched that decide where they lead, and the nearest existing
folder above. The watch is armed again whenever other folders stand where it was armed, and callers also look
at an interval. Where there are no notifications, each attempt to arm the watch gives a hint.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from jeeves_runner.side_thread import PATIENCE, SideThread
from jeeves_runner.sources.folder.notices import Notices
from jeeves_runner.sources.folder.places import Identity, identity_of, is_folder, real_path, way_of
from jeeves_runner.sources.names import is_text

log = logging.getLogger(__name__)

_PAUSE = 2.0
"""Seconds between two attempts to arm a watch that failed, and so between two looks meanwhile."""

_LIMIT = ("os error 24", "os error 28")
"""How the system's message ends where a limit on notifications is reached: EMFILE, ENOSPC."""


_Way = tuple[str, Identity, tuple[str, ...]]
"""A real folder, which one it is, and the names in it that count."""

_NO_WAYS: Final[Mapping[str, tuple[str, ...]]] = {}


class _Standing(NamedTuple):
    """The folders that are to be watched, as they stand at one moment."""

    deep: tuple[tuple[Path, Identity | None], ...]
    """To be watched with all below them."""
    above: tuple[Path, Identity | None]
    """The nearest folder above the manifests that exists."""
    own_way: tuple[_Way, ...]
    """What decides where the folder of manifests is: real folders, and the names in them."""
    ways: tuple[_Way, ...]
    """The same for linked manifests."""


class SystemWatch:
    """Watches ``folder`` with all below it, and what is above for the folder itself coming or going.

    ``thread`` looks at the places; it counts as hanging after ``patience`` seconds.
    """

    def __init__(self, folder: Path, thread: SideThread, patience: float = PATIENCE) -> None:
        self._folder = folder
        self._thread = thread
        self._patience = patience
        self._walked: tuple[str, ...] = ()
        self._ways = _NO_WAYS
        self._armed_at: _Standing | None = None
        # Set for a change and for a need to arm the watch again.
        self._news = asyncio.Event()
        self._is_to_rearm = False
        self._fault: str | None = None

    def retarget(self, folders: Iterable[str], ways: Mapping[str, tuple[str, ...]] = _NO_WAYS) -> None:
        """Watch also those of these real folders that lie outside of ours: symlinks lead there. In the
        folders of ``ways`` only the names it gives are watched. The next ``check`` does it."""
        # The watch cannot take names that are not UTF-8; changes there are seen at the interval.
        self._walked = tuple(folder for folder in folders if is_text(folder))
        self._ways = ways

    async def check(self) -> None:
        """Arm the watch again, which gives a hint, if other folders stand where it was armed."""
        armed_at = self._armed_at
        if armed_at is not None and await self._look() not in (armed_at, None):
            self._rearm()

    async def hints(self) -> AsyncIterator[None]:
        """Yields each time something may have changed, a burst of changes as one; without end."""
        while True:
            async for _ in self._armed():
                yield

    def _rearm(self) -> None:
        self._is_to_rearm = True
        self._news.set()

    async def _look(self) -> _Standing | None:
        """None while the file system does not answer."""
        try:
            return await self._thread.call(
                lambda: _standing(self._folder, self._walked, self._ways), self._patience
            )
        except OSError:
            return None

    async def _armed(self) -> AsyncIterator[None]:
        """One arming of the system's watches; ends when they must be armed again.

        It gives a hint as soon as the watches stand: what changed before was not heard.
        """
        self._is_to_rearm = False
        self._armed_at = standing = await self._look()
        watches = [] if standing is None else self._watches(standing)
        try:
            with suppress(TimeoutError):
                for watch in watches:
                    await watch.stand(self._patience)
            self._note(watches)
            self._news.clear()  # this hint tells of it, and what a failed watch has said must end no pause
            yield
            while True:
                if not watches or any(watch.fault is not None for watch in watches):
                    self._note(watches)
                    await self._news_within(_PAUSE)
                    return
                if self._is_to_rearm:
                    return
                await self._news.wait()
                self._news.clear()
                if not self._is_to_rearm:
                    yield
        finally:
            for watch in watches:
                watch.close()

    def _watches(self, standing: _Standing) -> list[Notices]:
        deep = [folder for folder, _ in standing.deep]
        above, _ = standing.above
        own_way = {above / self._folder.relative_to(above).parts[0], *_places(standing.own_way)}
        watches = [Notices(_parents(own_way), own_way, self._rearm)]
        if deep:
            watches.append(Notices(deep, None, self._news.set))
        if standing.ways:
            linked = set(_places(standing.ways))
            watches.append(Notices(_parents(linked), linked, self._news.set))
        return watches

    async def _news_within(self, patience: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._news.wait()

    def _note(self, watches: list[Notices]) -> None:
        """Say once that there are no notifications, and once that there are some again."""
        if not watches:
            return
        faults = [watch.fault for watch in watches if watch.fault is not None]
        # A folder that has gone meanwhile is seen by the next look.
        fault = next((str(fault) for fault in faults if not isinstance(fault, FileNotFoundError)), None)
        if fault == self._fault or (fault is None and faults):
            return
        self._fault = fault
        if fault is None:
            log.info("changes of the manifests are notified again")
            return
        limit = fault.partition("(")[2].partition(")")[0] in _LIMIT
        hint = "; raise fs.inotify.max_user_instances and max_user_watches" if limit else ""
        log.warning("no notifications of changes, looking every %.0f s: %s%s", _PAUSE, fault, hint)


def _standing(folder: Path, walked: Iterable[str], ways: Mapping[str, tuple[str, ...]]) -> _Standing:
    real = real_path(folder)
    outside = {Path(place) for place in walked if real not in (Path(place), *Path(place).parents)}
    there = [place for place in outside | {folder} if is_folder(place)]
    tops = sorted(place for place in there if not any(other in place.parents for other in there))
    above = next((place for place in folder.parents if is_folder(place)), Path("/"))
    heard = [real_path(top) for top in tops]
    own_way: dict[str, tuple[str, ...]] = {}
    for parent, name in way_of(str(folder)):
        own_way[parent] = (*own_way.get(parent, ()), name)
    return _Standing(
        deep=tuple((top, identity_of(top)) for top in tops),
        above=(above, identity_of(above)),
        own_way=tuple(_there(own_way)),
        ways=tuple(way for way in _there(ways) if not _is_within(way[0], heard)),
    )


def _there(ways: Mapping[str, tuple[str, ...]]) -> Iterator[_Way]:
    """Those of the folders that are there and can be watched, with the names in them."""
    for folder in sorted(ways):
        identity = identity_of(Path(folder)) if is_text(folder) else None
        if identity is not None:
            yield folder, identity, ways[folder]


def _is_within(folder: str, tops: Iterable[Path]) -> bool:
    return any(top in (Path(folder), *Path(folder).parents) for top in tops)


def _places(ways: Iterable[_Way]) -> Iterator[Path]:
    return (Path(folder, name) for folder, _, names in ways for name in names)


def _parents(places: Iterable[Path]) -> list[Path]:
    return sorted({place.parent for place in places})
