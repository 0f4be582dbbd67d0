"""Who holds the tokens that are shown again and again: read once, until any process commits or the time makes
another of it."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import apsw

from jeeves_runner.api.commits import Commits
from jeeves_runner.clock import Clock, from_text
from jeeves_runner.core.api_tokens import digest
from jeeves_runner.db import tokens
from jeeves_runner.db.tokens import Holder

_MOST: Final = 64
_MINUTE: Final = timedelta(minutes=1)


class _Known(NamedTuple):
    """A token that counts."""

    holder: Holder
    """Who holds it."""
    since: datetime
    """When it was read: with an earlier time, the clock was set."""
    until: datetime
    """When its use is to be noted anew, or it ceases to count."""


class KnownTokens:
    """Tells them. Used in the event loop, whose connection is ``conn``. A token that counts for nothing is
    looked for each time, and none is kept as it is shown."""

    def __init__(self, conn: apsw.Connection, clock: Clock, commits: Commits) -> None:
        self._conn = conn
        self._clock = clock
        self._commits = commits
        self._version = -1
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def holder_of(self, token: str, came: int) -> Holder | None:
        """Who holds a token that a request shows which ``came`` after so many looks at the commits; None if
        it counts for nothing."""
        version = self._commits.version(came)
        if version != self._version:
            self._known.clear()
            self._version = version
        key, now = digest(token), self._clock.now()
        known = self._known.get(key)
        if known is not None and known.since <= now < known.until:
            return known.holder
        self._known.pop(key, None)
        holder = tokens.holder_of_token(self._conn, now, token)
        if holder is not None and (until := _until(holder, now)) is not None:
            self._known[key] = _Known(holder, now, until)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return holder


def _until(holder: Holder, now: datetime) -> datetime | None:
    """Until when it is to be kept; None: not at all, for it was changed by hand."""
    minute = now.replace(second=0, microsecond=0) + _MINUTE
    if holder.expires_at is None:
        return minute
    try:
        return min(minute, from_text(holder.expires_at))
    except ValueError:
        return None
