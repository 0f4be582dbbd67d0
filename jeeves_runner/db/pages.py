"""Pages of what may be long, or large: as many rows as fit, one at least."""

from collections.abc import Callable, Iterable
from typing import Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")

ROOM: Final = 1 << 20
"""Characters of values in a page."""


class Page(NamedTuple, Generic[T]):
    """The first rows of those that were asked for."""

    rows: list[T]
    """At least one, unless there is none."""
    more: bool
    """Whether others follow."""


def page(rows: Iterable[T], size: Callable[[T], int], *, limit: int | None, room: int | None) -> Page[T]:
    """The first ``limit`` of the rows that have ``room`` together, by their ``size``; None: all of them."""
    taken: list[T] = []
    used = 0
    for row in rows:
        used += size(row)
        is_over = room is not None and used > room and taken
        if is_over or (limit is not None and len(taken) >= limit):
            return Page(taken, more=True)
        taken.append(row)
    return Page(taken, more=False)
