"""Changes that were found in the manifests and are not applied: why, since when, and what applies them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from jeeves_runner.core.delete_guard import Refusal, confirmation
from jeeves_runner.core.plan import Key, Plan

WithheldBy = Literal["manual", "source", "guard", "settling", "waiting", "incomplete"]
"""``manual``: the mode. ``source``: the database belongs to another one. ``guard``: the deletes look like a
mistake. ``settling``: the deletes are too new. ``waiting``: a commit hook may have put the manifest back.
``incomplete``: the deletes wait for broken manifests."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Withheld:
    """Changes that are not applied, for one reason."""

    by: WithheldBy
    """What keeps them back."""
    keys: tuple[Key, ...]
    """The jobs, queues and nodes they are about, as ``(kind, id)``."""
    reason: str
    """Why, as a sentence."""
    command: str | None = None
    """The command that applies them all the same; None where only a change of what is wrong does."""
    since: datetime | None = None
    """Since when, in UTC."""


def refused(refusals: Sequence[Refusal]) -> list[Withheld]:
    """What the guard has refused. One command confirms it all: an apply refuses what is not confirmed."""
    command = confirmation(refusals)
    return [
        Withheld(by="guard", keys=refusal.keys, reason=refusal.reason, command=command)
        for refusal in refusals
    ]


def waiting_for_a_person(plan: Plan) -> list[Withheld]:
    """All that was found where nothing is applied unasked."""
    keys = tuple(c.key for c in plan.changes)
    reason = "sync.mode is manual"
    return [Withheld(by="manual", keys=keys, reason=reason, command="jeeves-runner apply")] if keys else []


def too_early(plan: Plan, allowed: Plan, known: Iterable[Withheld], settling: str) -> list[Withheld]:
    """What was not tried and is not ``known`` as withheld: changes of manifests that wait, and deletes that
    are too new. ``settling``: why these wait, as a sentence."""
    left = plan.keys() - allowed.keys() - {key for entry in known for key in entry.keys}
    waiting = left - plan.without_waiting().keys()
    found = []
    if early := tuple(sorted(left - waiting)):
        found.append(Withheld(by="settling", keys=early, reason=settling))
    if why := plan.why_waiting(c for c in plan.changes if c.key in waiting):
        found.append(Withheld(by="waiting", keys=tuple(sorted(waiting)), reason=why))
    return found


def reason_of(withheld: Sequence[Withheld]) -> str | None:
    """All that is withheld in one sentence, with the command that applies it; None: nothing is."""
    if not withheld:
        return None
    reasons = "; ".join(entry.reason for entry in withheld)
    command = withheld[0].command
    return reasons if command is None else f"{reasons}; confirm with `{command}`"


def dated(withheld: Iterable[Withheld], before: Iterable[Withheld], now: datetime) -> tuple[Withheld, ...]:
    """Each with the time since when all of its changes are withheld, for whatever reason: ``before`` is what
    the look before this one withheld."""
    known = list(before)

    def since(entry: Withheld) -> datetime:
        times = (old.since for old in known if _goes_on(old, entry))
        return next((time for time in times if time is not None), now)

    return tuple(replace(entry, since=since(entry)) for entry in withheld)


def _goes_on(old: Withheld, new: Withheld) -> bool:
    return set(new.keys) <= set(old.keys) if new.keys else new.by == old.by
