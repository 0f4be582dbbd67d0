"""The attempts that wait, kept so that an end costs as much as it frees, however many wait.

Attempts of the same peers wait for the same, so that usually only the first of each group is looked at.
"""

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from itertools import product
from typing import Generic

from jeeves_runner.core.board.entry import BoardEntry, E, Peers, Turn, Why
from jeeves_runner.core.model import Reason


@dataclass(slots=True, eq=False)
class _Group(Generic[E]):
    """The attempts that have the same peers."""

    attempts: list[E] = field(default_factory=list)
    """By their turn."""
    by_why: dict[Why | None, dict[E, None]] = field(default_factory=dict)
    """The same by the reason that was noted last."""


class Waiting(Generic[E]):
    """Waiting attempts by priority, then age, in groups of peers."""

    def __init__(self) -> None:
        self._groups: dict[Peers, _Group[E]] = {}
        self._firsts: list[E] = []  # of all groups, by their turn
        self._held_by_pool: dict[str | None, dict[Peers, None]] = {}

    def add(self, attempt: E) -> None:
        group = self._groups.setdefault(attempt.peers, _Group())
        first = group.attempts[0] if group.attempts else None
        insort(group.attempts, attempt, key=_turn)
        self._set_first(first, group)
        self._enter(group, attempt)

    def remove(self, attempt: E) -> None:
        group = self._groups[attempt.peers]
        first = group.attempts[0]
        del group.attempts[bisect_left(group.attempts, attempt.turn, key=_turn)]
        self._set_first(first, group)
        self._leave(group, attempt)
        if not group.attempts:
            del self._groups[attempt.peers]

    def note(self, attempt: E, why: Why | None) -> None:
        """Change the reason that was noted last."""
        group = self._groups[attempt.peers]
        self._leave(group, attempt)
        attempt.why = why
        self._enter(group, attempt)

    def first_of(self, peers: Peers) -> E | None:
        """The first one of a group; None if there is no such group."""
        group = self._groups.get(peers)
        return None if group is None else group.attempts[0]

    def first_after(self, turn: Turn | None) -> E | None:
        """Of those that are the first of their group, the one that comes next after this turn."""
        place = 0 if turn is None else bisect_right(self._firsts, turn, key=_turn)
        return self._firsts[place] if place < len(self._firsts) else None

    def next_of_group(self, attempt: E) -> E | None:
        """The one that comes after this one in its group, of which this one need not be any more."""
        group = self._groups.get(attempt.peers)
        if group is None:
            return None
        place = bisect_right(group.attempts, attempt.turn, key=_turn)
        return group.attempts[place] if place < len(group.attempts) else None

    def noted_otherwise(self, attempt: E, why: Why) -> list[E]:
        """Of this attempt and those that come after it in its group: where another reason is noted."""
        group = self._groups[attempt.peers]
        others = [noted for reason, noted in group.by_why.items() if reason != why]
        return [each for noted in others for each in noted if each.turn >= attempt.turn]

    def held_by(self, job_id: str, pool: str | None) -> list[Peers]:
        """The groups of which some wait, as last noted, for a run of this job or a place in this pool."""
        found = dict.fromkeys(self._held_by_pool.get(pool, ()))
        for forced, is_retry, is_gated in product((False, True), repeat=3):
            group = self._groups.get((job_id, forced, is_retry, is_gated))
            if group is not None and any(why and why[0] is Reason.OVERLAP for why in group.by_why):
                found[job_id, forced, is_retry, is_gated] = None
        return list(found)

    def _set_first(self, before: E | None, group: _Group[E]) -> None:
        first = group.attempts[0] if group.attempts else None
        if first is before:
            return
        if before is not None:
            del self._firsts[bisect_left(self._firsts, before.turn, key=_turn)]
        if first is not None:
            insort(self._firsts, first, key=_turn)

    def _enter(self, group: _Group[E], attempt: E) -> None:
        why = attempt.why
        group.by_why.setdefault(why, {})[attempt] = None
        if why is not None and why[0] is Reason.POOL:
            self._held_by_pool.setdefault(why[1], {})[attempt.peers] = None

    def _leave(self, group: _Group[E], attempt: E) -> None:
        why = attempt.why
        del group.by_why[why][attempt]
        if group.by_why[why]:
            return
        del group.by_why[why]
        if why is not None and why[0] is Reason.POOL:
            groups = self._held_by_pool[why[1]]
            del groups[attempt.peers]
            if not groups:
                del self._held_by_pool[why[1]]


def _turn(attempt: BoardEntry) -> Turn:
    return attempt.turn
