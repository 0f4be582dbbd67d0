"""A ``transaction()`` block: the writes that wait for its end."""

from collections.abc import Sequence
from typing import Any

from jeeves_runner.core.operations import Gathered


class Pending:
    """An enqueue inside ``transaction()``.

    Once the transaction has ended without an error, ``settled`` is true and ``id`` is the new
    item's, or None if it was a duplicate.
    """

    __slots__ = ("id", "settled")

    def __init__(self) -> None:
        self.id: int | None = None
        self.settled = False

    def settle(self, item_id: int | None) -> None:
        self.id = item_id
        self.settled = True

    def __repr__(self) -> str:
        return f"Pending(id={self.id}, settled={self.settled})"


class Gathering:
    """What one block has gathered, in its order."""

    def __init__(self) -> None:
        self.ops: list[Gathered] = []
        self._pendings: list[Sequence[Pending]] = []

    def add(self, op: Gathered, pendings: Sequence[Pending] = ()) -> None:
        """One more; ``pendings``: of an enqueue, one for each item."""
        self.ops.append(op)
        self._pendings.append(pendings)

    def settle(self, results: Sequence[Any]) -> None:
        """The transaction has been committed: these are the results of its parts."""
        for pendings, result in zip(self._pendings, results, strict=True):
            for pending, item_id in zip(pendings, result if pendings else (), strict=True):
                pending.settle(item_id)
