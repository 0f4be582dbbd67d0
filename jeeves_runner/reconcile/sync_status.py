"""How the live jobs stand against the manifests."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from jeeves_runner.core.plan import Plan

SyncState = Literal["starting", "in_sync", "pending", "held", "blocked", "error"]
"""``pending``: changes wait, for a person in manual mode, for deletes to settle, or for a commit hook.
``held``: some rows keep an older spec because their manifest is broken. ``blocked``: a guard refused deletes.
``error``: the source could not be looked at, or the planner does not answer."""


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
    reason: str | None = None
    """Why changes wait, or what went wrong."""
