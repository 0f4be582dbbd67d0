"""Pages for browsers, kept while nothing has changed, and how often those that are open come for a new one.

To make a page takes of the interpreter what runs need. So what was made for one browser serves the others,
and those that are open are told a pace at which all of them together take a small part of a core.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from hashlib import blake2b
from typing import Final, NamedTuple

from jeeves_runner.api.event_stream import Streams
from jeeves_runner.clock import Clock

_MOST: Final = 8 << 20
"""Bytes of pages that are kept."""

_HOLDS: Final = 1.0
"""Seconds for which a page is shown at most: the time alone changes what comes next, and what is late."""

_SHARE: Final = 0.015
"""The part of a core that pages may take which are open and follow what happens."""

_ANSWER: Final = 0.0006
"""About how many seconds of the processor it takes to tell a page of a change and to answer it, besides what
it takes to make it."""

_FASTEST: Final = 1.0
_SLOWEST: Final = 30.0
"""Seconds between two of one page."""

_WEIGHT: Final = 0.05
"""How much the newest page counts in what one takes: of many that are taken as they are, one is made."""

_FIRST_WEIGHT: Final = 0.2
"""Likewise of the first one, before which nothing is known. It takes some times longer than those to come,
which find kept what it had to make."""


class Made(NamedTuple):
    """A page that was made."""

    body: bytes
    """HTML."""
    took: float
    """The seconds of processor that it took."""
    packed: bytes = b""
    """The same by gzip, where it is to be kept."""


class KeptPage(NamedTuple):
    """A page as it is sent."""

    body: bytes
    """HTML."""
    packed: bytes
    """The same by gzip."""
    tag: str
    """What tells it from others."""
    version: Hashable
    """What had happened by then."""
    since: float
    """When it was begun, by the monotonic clock."""

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.body) + len(self.packed)


class KeptPages:
    """Used in the event loop."""

    def __init__(self, streams: Streams, clock: Clock) -> None:
        """``streams``: those of open pages among them say how many are open."""
        self._streams = streams
        self._clock = clock
        self._kept: OrderedDict[Hashable, KeptPage] = OrderedDict()
        self._size = 0
        self._making: dict[Hashable, asyncio.Task[KeptPage]] = {}
        self._cost = 0.0
        self._weight = _FIRST_WEIGHT

    async def page(
        self,
        key: Hashable,
        version: Hashable,
        make: Callable[[], Coroutine[None, None, Made]],
        *,
        may_be_old: bool = False,
    ) -> KeptPage:
        """The page that ``key`` names, of this version.

        ``make`` is asked once for all that want the page meanwhile. Where it ``may_be_old``, one will do that
        is no older than the time after which it is looked at again.
        """
        while True:
            kept = self._kept.get(key)
            if kept is not None and self._will_do(kept, version, may_be_old):
                self._kept.move_to_end(key)
                self._note(_ANSWER)
                return kept
            making = self._making.get(key)
            if making is None:
                task = asyncio.create_task(self._make(key, version, make()))
                self._making[key] = task
                task.add_done_callback(lambda _done: self._making.pop(key, None))
                return await task
            await asyncio.wait({making})

    @property
    def pace(self) -> float:
        """Seconds that an open page is to let pass between two looks at what has changed."""
        wanted = self._cost * max(1, self._streams.count) / _SHARE
        return min(max(wanted, _FASTEST), _SLOWEST)

    async def _make(self, key: Hashable, version: Hashable, making: Coroutine[None, None, Made]) -> KeptPage:
        since = self._clock.monotonic()
        made = await making
        self._note(made.took + _ANSWER)
        tag = blake2b(made.body, digest_size=12).hexdigest()
        page = KeptPage(made.body, made.packed, tag, version, since)
        self._keep(key, page)
        return page

    def _will_do(self, kept: KeptPage, version: Hashable, may_be_old: bool) -> bool:
        age = self._clock.monotonic() - kept.since
        return age < (self.pace if may_be_old else _HOLDS) and (may_be_old or kept.version == version)

    def _note(self, took: float) -> None:
        self._cost += (took - self._cost) * self._weight
        self._weight = max(_WEIGHT, self._weight * 0.9)

    def _keep(self, key: Hashable, page: KeptPage) -> None:
        before = self._kept.pop(key, None)
        self._size += page.size - (0 if before is None else before.size)
        self._kept[key] = page
        while self._size > _MOST and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._size -= oldest.size
