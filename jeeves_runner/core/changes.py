"""When files that start a job have changed, and rest again. Everything here decides."""

from collections.abc import Mapping
from datetime import datetime
from math import sqrt
from typing import NamedTuple

Prints = Mapping[str, str]
"""By what is watched, a datastore or a pattern of paths, a hash of the names, sizes and times there."""


class Watching(NamedTuple):
    """What is known of the files of one job."""

    taken: Prints | None
    """As they were when they last started it, or were first seen; None: not seen yet."""
    seen: Prints | None = None
    """As they are now, where that is otherwise; None: nothing has changed."""
    first_at: datetime | None = None
    """When it was first seen that they have changed, aware."""
    last_at: datetime | None = None
    """When it was last seen that they have changed again."""
    rests_since: float = 0.0
    """The same by a clock in seconds that is never set."""

    def looked(self, found: Prints, now: datetime, awake: float) -> "Watching":
        """What is known once they were found so. What is as it was when it was taken has not changed."""
        if found == self.taken:
            return Watching(self.taken)
        if found == self.seen:
            return self
        return Watching(self.taken, found, self.first_at or now, now, awake)

    def has_settled(self, awake: float, debounce: float) -> bool:
        """Whether they have changed, and nothing more had for ``debounce`` seconds when they were last looked
        at, which began at ``awake``."""
        return self.taken is not None and self.seen is not None and awake - self.rests_since >= debounce

    @property
    def changed(self) -> list[str]:
        """What of it has changed, in the order in which it is named."""
        if self.taken is None or self.seen is None:
            return []
        return [of for of, found in self.seen.items() if self.taken.get(of) != found]


def pauses(costs: Mapping[str, float], share: float, least: float) -> dict[str, float]:
    """How many seconds to wait between two looks at each place, ``least`` at the fewest: all looks together
    take no more than ``share`` of a processor, and what they notice is noticed as soon as that allows.

    ``costs``: how many seconds of a processor a look at it takes. A place that costs a hundred times as much
    is looked at a tenth as often: of all ways to spend the share, the sum of the waits is least in this one.
    """
    roots = {place: sqrt(cost) for place, cost in costs.items()}
    unit = sum(roots.values()) / share
    return {place: max(least, root * unit) for place, root in roots.items()}
