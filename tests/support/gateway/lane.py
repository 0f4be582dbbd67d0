"""The lane: so many runs at once, the others in the order in which they came."""

import asyncio
from collections import deque

Turn = asyncio.Future[None]
"""Done when its run may begin."""


class Lane:
    """``places`` runs at once."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._line: deque[Turn] = deque()

    def take(self) -> Turn:
        """A turn, which is done already where a place is free."""
        turn: Turn = asyncio.get_running_loop().create_future()
        if self._free:
            self._free -= 1
            turn.set_result(None)
        else:
            self._line.append(turn)
        return turn

    def leave(self, turn: Turn) -> None:
        """Give a turn back, whether or not it has come."""
        if turn in self._line:
            self._line.remove(turn)
        elif self._line:
            self._line.popleft().set_result(None)
        else:
            self._free += 1
