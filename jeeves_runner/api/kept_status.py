"""The status as JSON, kept until anything of it but the time is another: clients ask for it over and over."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from jeeves_runner.access import TooOpen
from jeeves_runner.api.responses import encode
from jeeves_runner.api.spool import PIECE
from jeeves_runner.config_change import ConfigChange
from jeeves_runner.reconcile.sync_status import SyncStatus
from jeeves_runner.views.occurrences import Moments
from jeeves_runner.views.runner import Counts, StatusDocument

_MOVES: Final = "uptime_ms"
"""The field that is another one each time."""


class StatusFacts(NamedTuple):
    """All that the document is made of, but for the time since the start and since the lock was taken."""

    found: Counts
    """What the database says."""
    stopping: bool
    """Whether the server is to stop."""
    sync: SyncStatus
    """How its jobs stand against the manifests."""
    config: ConfigChange | None
    """How the config file differs."""
    config_since: datetime | None
    """Since when it does."""
    too_open: Sequence[TooOpen]
    """What more people may use than is said."""
    catching_up: Moments
    """The jobs that catch up."""


class _Kept(NamedTuple):
    """A document."""

    facts: StatusFacts
    """What it was made of."""
    before: bytes
    """What stands before the value that moves."""
    after: bytes
    """What stands after it."""


class KeptStatus:
    """Keeps the last one. Used in the event loop."""

    def __init__(self) -> None:
        self._kept: _Kept | None = None

    def find(self, facts: StatusFacts, uptime_ms: int) -> bytes | None:
        """The document of these facts, if they are those of the last one."""
        kept = self._kept
        # Of two looks at the manifests it is not said that they tell the same if they are equal.
        if kept is None or kept.facts.sync is not facts.sync or kept.facts != facts:
            return None
        return b"%b%d%b" % (kept.before, uptime_ms, kept.after)

    def keep(self, facts: StatusFacts, document: StatusDocument) -> None:
        """Keep a document without a ``busy_ms``, which moves as well, unless it is large."""
        before, after = _around(document, _MOVES)
        is_small = len(before) + len(after) < PIECE
        self._kept = _Kept(facts, before, after) if is_small else None


def _around(document: Mapping[str, object], name: str) -> tuple[bytes, bytes]:
    """A document as JSON, without the value of a field: what is before it, and what is after it."""
    names = list(document)
    place = names.index(name)
    before = encode({each: document[each] for each in names[:place]})
    after = encode({each: document[each] for each in names[place + 1 :]})
    return before[:-1] + (b"," if place else b"") + encode(name) + b":", b"," + after[1:]
