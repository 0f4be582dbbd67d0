"""How many values were how large, in few numbers."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate


class Histogram:
    """Counts of values by upper bounds. One thread adds to it; others may read it meanwhile."""

    __slots__ = ("_counts", "bounds", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """``bounds`` rise; a value that equals one of them counts as below it."""
        self.bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        """The sum of the values."""

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def up_to(self) -> list[int]:
        """For each bound how many values are not larger, and last how many there are."""
        return list(accumulate(self._counts))

    def copy(self) -> "Histogram":
        """The same numbers, which stay as they are."""
        copied = Histogram(self.bounds)
        copied._counts = self._counts.copy()
        copied.total = self.total
        return copied
