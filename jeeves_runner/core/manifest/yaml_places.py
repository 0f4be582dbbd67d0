"""Where some values of a document stand, and how they are written there.

Only what is asked for is noted: a file may hold 200,000 values, and of few is something to be said.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from jeeves_runner.core.problem import Inside, KeyPath, Position

_LITERAL: Final = re.compile(r"(?:[&!]\S*\s+)*\|")


class Place:
    """A value of a document, and below it those that are asked for. What is not there keeps None."""

    __slots__ = ("below", "key", "value", "written")

    def __init__(self) -> None:
        self.below: dict[str | int, Place] = {}
        self.key: Position | None = None
        """Where its key stands."""
        self.value: Position | None = None
        """Where it begins itself; the place of the alias, if one stands for it."""
        self.written: str | None = None
        """A plain scalar as it is written: ``1.10``."""


class Places:
    """The places that are asked for; the parser fills in what it finds."""

    def __init__(self, paths: Iterable[KeyPath]) -> None:
        self.top = Place()
        for path in paths:
            place = self.top
            for part in path:
                place = place.below.setdefault(part, Place())

    def position(self, path: KeyPath) -> Position:
        """Where the value at ``path`` stands, or the nearest thing around it."""
        position = self.top.value or (1, 1)
        for place in self._along(path):
            position = place.value or position
        return position

    def own_position(self, path: KeyPath) -> Position | None:
        """Where the value at ``path`` stands; None if nothing is written there."""
        place = self._at(path)
        return None if place is None else place.value

    def key_position(self, path: KeyPath) -> Position:
        """Where the key of ``path`` stands, or the nearest thing around it."""
        place = self._at(path)
        return (place.key if place is not None else None) or self.position(path)

    def written(self, path: KeyPath) -> str | None:
        """The plain scalar at ``path`` as it is written; None for all else, and for what stands in no file or
        another one."""
        place = self._at(path)
        return None if place is None else place.written

    def _at(self, path: KeyPath) -> Place | None:
        along = self._along(path)
        return along[-1] if len(along) == len(path) and along else None

    def _along(self, path: KeyPath) -> list[Place]:
        found: list[Place] = []
        place: Place | None = self.top
        for part in path:
            place = place.below.get(part) if place is not None else None
            if place is None:
                break
            found.append(place)
        return found


def within(lines: Sequence[str], start: Position, inside: Inside) -> Position:
    """Where a place in a scalar stands in the document, if the scalar is written there as it is.

    ``lines`` are those of the document, and the scalar begins at ``start``. That is the answer for one whose
    lines are folded, or that has escapes.
    """
    line, column = start
    first = lines[line - 1] if line <= len(lines) else ""
    is_block = _LITERAL.match(first, column - 1) is not None
    if not is_block and inside.line > 1:
        return start
    number = line + inside.line if is_block else line
    if number > len(lines):
        return start
    place = lines[number - 1].find(inside.written, 0 if is_block else column - 1)
    return start if place < 0 else (number, place + inside.column)
