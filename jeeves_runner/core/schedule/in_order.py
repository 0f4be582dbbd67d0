"""Values in order, of which any may be added or taken away at any time.

They stand in blocks. So each step moves some hundred places at most, however many there are: a heap has to be
cleared of what was taken away, and that takes as long as there are values.
"""

from bisect import bisect_left, insort
from datetime import datetime
from typing import Final

Place = tuple[datetime, str]
"""When, and which job."""

_BLOCK: Final = 250
"""Half of the most that a block holds."""


class InOrder:
    """A set of places, the earliest first. No place may be added twice; none is empty but the whole."""

    __slots__ = ("_blocks", "_lasts")

    def __init__(self) -> None:
        self._blocks: list[list[Place]] = []
        self._lasts: list[Place] = []  # of each block

    def __len__(self) -> int:
        return sum(map(len, self._blocks))

    @property
    def first(self) -> Place | None:
        """The earliest one."""
        return self._blocks[0][0] if self._blocks else None

    def add(self, place: Place) -> None:
        if not self._blocks:
            self._blocks, self._lasts = [[place]], [place]
            return
        at = min(bisect_left(self._lasts, place), len(self._blocks) - 1)
        block = self._blocks[at]
        insort(block, place)
        if len(block) > 2 * _BLOCK:
            self._blocks.insert(at + 1, block[_BLOCK:])
            self._lasts.insert(at + 1, block[-1])
            del block[_BLOCK:]
        self._lasts[at] = block[-1]

    def remove(self, place: Place) -> None:
        """Take away one that is there."""
        at = bisect_left(self._lasts, place)
        block = self._blocks[at]
        del block[bisect_left(block, place)]
        if block:
            self._lasts[at] = block[-1]
        else:
            del self._blocks[at], self._lasts[at]
