"""One pass through what waits: in turn, and of those that wait for the same usually the first alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Generic

from jeeves_runner.core.board.entry import E, Turn, Why


@dataclass(slots=True)
class LinePass(Generic[E]):
    """Where a pass stands, and what it has found so far."""

    last: Turn | None = None
    """The turn of the attempt that was looked at last."""
    behind: dict[Turn, E] = field(default_factory=dict)
    """Attempts to be looked at although another one of their group stands before them."""
    order: list[Turn] = field(default_factory=list)
    """A heap of the turns of ``behind``."""
    changed: dict[Why, list[E]] = field(default_factory=dict)
    """Attempts that wait for another reason than was noted, by that reason."""
    stands_back: bool = False
    """An attempt waits for the one that is about to replace it. Nothing behind it starts in this pass; the
    commit of the other one brings the next pass."""

    def note(self, attempts: Sequence[E], why: Why) -> None:
        """These attempts wait for this."""
        if attempts:
            self.changed.setdefault(why, []).extend(attempts)

    def look_later_at(self, attempt: E | None) -> None:
        if attempt is not None and attempt.turn not in self.behind:
            self.behind[attempt.turn] = attempt
            heappush(self.order, attempt.turn)

    def next(self, first: E | None) -> E | None:
        """What is to be looked at now: ``first``, the next one that stands first in its group, or one of
        ``behind`` that comes before it."""
        while self.order and (first is None or self.order[0] <= first.turn):
            turn = heappop(self.order)
            attempt = self.behind.pop(turn)
            if self.last is None or turn > self.last:
                first = attempt
                break
        self.last = self.last if first is None else first.turn
        return first
