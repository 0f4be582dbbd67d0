"""How the live jobs stand against the manifests, and what of them is not applied."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from jeeves_runner.clock import from_text
from jeeves_runner.core.plan import Plan
from jeeves_runner.core.withheld import Withheld, WithheldBy

SyncState = Literal["starting", "in_sync", "pending", "held", "blocked", "error"]
"""``pending``: changes wait, for a person in manual mode, for git to come to rest, for deletes to settle, or
for a commit hook.
``held``: some rows keep an older spec because their manifest is broken. ``blocked``: a guard refused changes.
``error``: the source could not be looked at, or the planner does not answer."""

_STATES: Final[dict[WithheldBy, SyncState]] = {
    "source": "blocked",
    "guard": "blocked",
    "manual": "pending",
    "settling": "pending",
    "waiting": "pending",
    "incomplete": "held",
}
"""What the state is while that keeps changes back; the first one counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncStatus:
    """What the last look at the manifests found, and what it left undone."""

    state: SyncState
    """The summary in a word."""
    since: datetime | None = None
    """Since when that is the state, in UTC."""
    revision: int = 0
    """The newest revision; 0 before the first."""
    commit: str | None = None
    """The commit that ``revision`` records."""
    checked_at: datetime | None = None
    """When the last look ended, in UTC."""
    plan: Plan = field(default_factory=Plan)
    """The changes that wait, with the problems and held rows of the last look."""
    withheld: tuple[Withheld, ...] = ()
    """Why they wait, and since when."""
    reason: str | None = None
    """The same in one sentence, or what went wrong."""


def since_before(status: SyncStatus) -> datetime | None:
    """Since when that state holds, through all looks and restarts; None: it is not known."""
    known = [from_text(row.since) for row in status.plan.held if row.since is not None]
    return min(known, default=None) if status.state == "held" else None


def state_of(plan: Plan, withheld: Iterable[Withheld]) -> SyncState:
    """The state in which a look ends that found this plan and withheld that."""
    found = {entry.by for entry in withheld}
    for by, state in _STATES.items():
        if by in found:
            return state
    return "held" if plan.held or not plan.complete else "in_sync"
