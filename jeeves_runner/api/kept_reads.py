"""What was read of the database, kept until any process commits: clients ask again and again for the same."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime
from typing import Final, NamedTuple

from jeeves_runner.api.commits import Commits
from jeeves_runner.clock import Clock
from jeeves_runner.db.failing_jobs import KnownFailing

_MOST: Final = 64
"""How many are kept: with the bound of what is kept of an answer, some 4 MB."""


class _Kept(NamedTuple):
    """Something that was read."""

    value: object
    """What it is."""
    since: datetime
    """When it was read: with an earlier time, the clock was set."""
    until: datetime | None
    """When the time alone makes another of it; None: never."""


class KeptReads:
    """Keeps what was read last. Used in the event loop."""

    def __init__(self, commits: Commits, clock: Clock) -> None:
        self._commits = commits
        self._clock = clock
        self._version = -1
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._process = secrets.token_hex(6)
        self.counting: Final = asyncio.Lock()
        """Held while is counted what all ask for: those who come meanwhile want the same."""
        self.failing: Final = KnownFailing()
        """The jobs that failed when it was counted last; used while ``counting`` is held."""
        self.spent = 0.0
        """The seconds of processor that counting has taken so far."""

    def version(self, came: int) -> int:
        """The version of the database for a request that has ``came`` after so many looks, to be asked for
        before what is to be kept is read. What was kept of another one is forgotten."""
        version = self._commits.version(came)
        if version != self._version:
            self._version = version
            self._kept.clear()
        return version

    def tag(self, version: int, key: Hashable) -> str:
        """The version of a document that the database alone decides."""
        return f"{self._process}-{version}-{hash(key) & 0xFFFFFFFF:x}"

    def find(self, key: Hashable) -> object | None:
        """What is kept of the version that was asked for last; None: nothing."""
        kept = self._kept.get(key)
        if kept is None or not kept.since <= (now := self._clock.now()):
            return None
        return kept.value if kept.until is None or now < kept.until else None

    def keep(
        self, key: Hashable, value: object, *, version: int, since: datetime, until: datetime | None = None
    ) -> None:
        """Keep what was read at ``since``, and after the version was asked for."""
        if version == self._version:
            self._kept[key] = _Kept(value, since, until)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
