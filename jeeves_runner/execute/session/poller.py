"""Looks at all sessions of a runner together, as seldom as their ages allow.

A list of sessions costs the gateway about the same for one as for fifty. So whatever is due soon is looked at
with what is due now, by the beginning of the labels that the sessions of a runner have in common.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil
from typing import Final, Protocol

from jeeves_runner.execute.session.answers import Row, page_of
from jeeves_runner.execute.session.gateway import Gateway, GatewayFault, NotNow
from jeeves_runner.execute.session.label import search_for
from jeeves_runner.execute.session.listing import LIMIT
from jeeves_runner.execute.session.pauses import Pace, Pauses, jittered
from jeeves_runner.execute.session.reading import row_of
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

_PER_PAGE: Final = 50
"""Rows that a page has at least if there are more."""
_SPARE_PAGES: Final = 2
"""Pages that are read beyond those that the wanted sessions would fill."""
_ALONE: Final = 20
"""Sessions that are looked for one by one at most, after one look at the list; others the next time."""

_LONGEST: Final = 15.0
"""Seconds between two looks at a session at most."""
_SHARE: Final = 60
"""After the first minute the time between two looks is this part of its age."""
_SOON: Final = 0.5
"""What is due within this part of its interval is looked at now."""


class Watched(Protocol):
    """A session that is looked at."""

    @property
    def key(self) -> str:
        """By which the gateway knows it."""
        ...

    @property
    def parent(self) -> str:
        """The key of the session that it is a child of."""
        ...

    @property
    def search(self) -> str:
        """What its label begins with, as those of many others do."""
        ...

    def saw(self, row: Row | None) -> None:
        """Gets its row with each look; None if the gateway has none. Does not raise."""
        ...

    def missed(self, fault: GatewayFault) -> None:
        """Called when the gateway could not be asked. Does not raise."""
        ...


def interval(age: float, shortest: float = Pace().look) -> float:
    """Seconds from one look at a session to the next. ``age``: seconds since its beginning."""
    return min(_LONGEST, max(shortest, age / _SHARE))


class Poller:
    """Use it from one event loop; ``run`` does the work, in a task."""

    def __init__(self, gateway: Gateway, pace: Pace) -> None:
        self._gateway = gateway
        self._pace = pace
        self._born: dict[Watched, float] = {}
        self._due: dict[Watched, float] = {}
        self._news = asyncio.Event()
        self._is_by_parent = False  # an older gateway, which shows a parent its own sessions alone
        self._trouble = Trouble(log, "the gateway answers again")

    def add(self, watched: Watched, age: float = 0.0) -> None:
        """Look at it from now on. ``age``: seconds for which it has been there."""
        now = asyncio.get_running_loop().time()
        self._born[watched] = now - age
        self._due[watched] = now + self._pace.look
        self._news.set()

    def remove(self, watched: Watched) -> None:
        """Look at it no longer."""
        self._born.pop(watched, None)
        self._due.pop(watched, None)

    def hurry(self, watched: Watched) -> None:
        """Look at it soon: something has been done to it."""
        if watched in self._due:
            self._due[watched] = asyncio.get_running_loop().time()
            self._news.set()

    async def run(self) -> None:
        """Look until cancelled."""
        pauses = Pauses(self._pace.pause)
        while True:
            due = await self._next()
            planned = {watched: self._due[watched] for watched in due}
            try:
                await self._look(due)
            except GatewayFault as fault:
                self._trouble.met(f"sessions cannot be looked at: {fault}")
                for watched in list(self._due):
                    watched.missed(fault)
                await asyncio.sleep(pauses.after(fault if isinstance(fault, NotNow) else None))
            else:
                self._trouble.over()
                pauses.begin_anew()
                self._put_off(planned)

    async def _next(self) -> list[Watched]:
        """Wait until one is due; all that are to be looked at then."""
        loop = asyncio.get_running_loop()
        while True:
            self._news.clear()
            if self._due and (wait := min(self._due.values()) - loop.time()) <= 0:
                return [each for each, at in self._due.items() if at <= loop.time() + self._slack(each)]
            try:
                async with asyncio.timeout(wait if self._due else None):
                    await self._news.wait()
            except TimeoutError:
                continue

    def _slack(self, watched: Watched) -> float:
        return _SOON * self._interval(watched)

    def _interval(self, watched: Watched) -> float:
        return interval(asyncio.get_running_loop().time() - self._born[watched], self._pace.look)

    def _put_off(self, planned: Mapping[Watched, float]) -> None:
        """All that were looked at, by the same part of their intervals, so that they stay together.

        ``planned``: when each was due. One that has been hurried since is due again.
        """
        now, part = asyncio.get_running_loop().time(), jittered(1.0)
        for watched, at in planned.items():
            if self._due.get(watched) == at:
                self._due[watched] = now + part * self._interval(watched)

    async def _look(self, due: Iterable[Watched]) -> None:
        wanted = {watched.key: watched for watched in due}
        if len(wanted) > 1 and not self._is_by_parent:
            for group in _grouped(wanted.values(), by=lambda each: each.search):
                if await self._look_at_list(group, wanted, None):
                    self._is_by_parent = True
                    break
        if len(wanted) > 1 and self._is_by_parent:
            for group in _grouped(wanted.values(), by=lambda each: each.parent):
                self._is_by_parent = await self._look_at_list(group, wanted, group[0].parent)
        for watched in list(wanted.values())[:_ALONE]:
            watched.saw(await row_of(self._gateway, watched.key, watched.parent))
            self._go_last(watched)

    def _go_last(self, watched: Watched) -> None:
        """Let all others come before it the next time: there may be more than are looked for one by one."""
        if (at := self._due.pop(watched, None)) is not None:
            self._due[watched] = at

    async def _look_at_list(
        self, group: Sequence[Watched], wanted: dict[str, Watched], parent: str | None
    ) -> bool:
        """Show those that are found their rows, and leave the others in ``wanted``. Whether the gateway lists
        to a parent its own sessions alone; then the list has to be asked for in the name of each.

        What was changed last stands first in a list, and sessions that ended long ago stand last: the rest of
        it is not read once all are found. A row may be missed that moves up while pages are read.
        """
        offset: int | None = 0
        left = {watched.key for watched in group}
        for _ in range(ceil(len(group) / _PER_PAGE) + _SPARE_PAGES):
            args = {"search": group[0].search, "limit": LIMIT} | ({"offset": offset} if offset else {})
            page = page_of(await self._gateway.invoke("sessions_list", args, parent=parent))
            if parent is None and not page.is_all:
                return True
            for row in page.rows:
                if row.key in left:
                    left.discard(row.key)
                    wanted.pop(row.key).saw(row)
            offset = page.next_offset
            if not left or offset is None:
                break
        return not page.is_all


def _grouped(watched: Iterable[Watched], by: Callable[[Watched], str]) -> list[list[Watched]]:
    groups: defaultdict[str, list[Watched]] = defaultdict(list)
    for each in watched:
        groups[by(each)].append(each)
    return list(groups.values())


def common_search(label: str, parent_job: str, run_id: int) -> str:
    """What the labels of a runner's sessions begin with, for a session of this label, job and run."""
    prefix, found, _ = label.rpartition(f"-{parent_job}-{run_id}-")
    return f"{prefix}-" if found and prefix else search_for(label)
