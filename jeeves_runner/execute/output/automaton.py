"""Finds many texts in one pass: the automaton of Aho and Corasick (1975).

Its states are the beginnings of the texts, as a tree. After each byte it stands at the longest beginning that
the bytes so far end with. So a byte costs the same whatever the texts are and however they overlap.

Where to go on from a state that no byte leads on from is found when output first reaches the state. So long
texts cost little before there is output, and output seldom reaches more than their beginnings.
"""

import re
from array import array
from collections import defaultdict
from collections.abc import Collection
from itertools import pairwise
from typing import Final

ROOT: Final = 0
"""The state in which nothing is begun."""

_NOTHING: Final = -1

_PIECE: Final = 1 << 14
"""States that are added at once: what is done in one call lets no other thread go on."""
_UNKNOWN: Final = array("i", [_NOTHING]) * _PIECE

_SEARCHED: Final = 8
"""Bytes of a text that are searched for: enough that they are nearly always the beginning of it."""

_MOST_SEARCHED: Final = 1000
"""Beginnings that are searched for; of more, shorter ones are. Each costs some 20 µs to get ready."""


class Automaton:
    """Knows the states. They are numbers; a text's states mostly follow one another. For one thread alone."""

    def __init__(self, texts: Collection[bytes]) -> None:
        """``texts``: at least one, each of 2 bytes at least."""
        self._next = array(
            "h", [_NOTHING]
        )  # the byte that leads to the state with the next number, if one does
        self._others: dict[int, int] = {}  # where further bytes lead, by ``state * 256 + byte``
        self._depth = array("I", [0])
        self._longest = array("I", [0])
        for text in texts:
            self._add(text)
        # The longest proper end of a state that is a beginning too; unknown before the state is reached.
        self._back = array("i", [ROOT])
        while (lacking := len(self._depth) - len(self._back)) > 0:
            self._back.extend(_UNKNOWN[:lacking])
        # Nearly all output holds no beginning of a text. A search for one in C passes it at full speed.
        beginnings = {text[:_SEARCHED] for text in texts}
        self._searched = min(map(len, beginnings))
        while len(beginnings := {text[: self._searched] for text in beginnings}) > _MOST_SEARCHED:
            self._searched -= 1
        self._search = re.compile(_any_of(beginnings), re.DOTALL).search

    @property
    def states(self) -> int:
        """How many there are; each takes 14 bytes."""
        return len(self._depth)

    def depth(self, state: int) -> int:
        """How many bytes are begun: as many at the end of what was read may be of a text that goes on."""
        return self._depth[state]

    def read(self, data: bytes, start: int, state: int) -> tuple[int, list[tuple[int, int]]]:
        """Go on from ``state`` with ``data`` from ``start`` on.

        Returns the state after it and, where texts end, ``(start, end)`` of the longest of them. A
        text that began before ``start`` is found where ``data`` holds it whole.
        """
        found: list[tuple[int, int]] = []
        following, others, back, longest = self._next, self._others, self._back, self._longest
        end, place = len(data), start
        last = end - self._searched  # where a beginning may be cut off, it is not searched for
        while place < end:
            if state == ROOT and place <= last:
                begins = self._search(data, place)
                place = begins.start() if begins else last + 1
            byte = data[place]
            place += 1
            while following[state] != byte:
                if (other := others.get(state << 8 | byte)) is not None:
                    reached = other
                    break
                if state == ROOT:
                    reached = ROOT
                    break
                state = back[state]
            else:
                reached = state + 1
            if back[reached] == _NOTHING:
                self._link(reached, byte, state)
            state = reached
            if longest[state]:
                found.append((place - longest[state], place))
        return state, found

    def _add(self, text: bytes) -> None:
        state = ROOT
        for place, byte in enumerate(text):
            onward = self._onward(state, byte)
            if onward is None:
                state = self._grow(state, text, place)
                break
            state = onward
        self._longest[state] = len(text)

    def _grow(self, state: int, text: bytes, place: int) -> int:
        """Add the states that ``text`` needs beyond ``state``; the last of them."""
        first = len(self._next)
        if self._next[state] == _NOTHING and state + 1 == first:
            self._next[state] = text[place]
        else:
            self._others[state << 8 | text[place]] = first
        for start in range(place, len(text), _PIECE):
            end = min(start + _PIECE, len(text))
            self._next.extend(text[start + 1 : end + 1])
            self._depth.extend(range(start + 1, end + 1))
            self._longest.extend(bytes(end - start))
        self._next.append(_NOTHING)
        return len(self._next) - 1

    def _onward(self, state: int, byte: int) -> int | None:
        if self._next[state] == byte:
            return state + 1
        return self._others.get(state << 8 | byte)

    def _link(self, state: int, byte: int, parent: int) -> None:
        """Note a state's longest proper end, and which texts end there; ``byte`` leads to it from ``parent``.

        What it needs of shorter ends that nothing has reached yet is noted as well, the shortest first.
        """
        new = [state]
        end = parent
        while end != ROOT:
            end = self._back[end]
            onward = self._onward(end, byte)
            if onward is not None:
                new.append(onward)
                if self._back[onward] != _NOTHING:
                    break
        else:
            new.append(ROOT)
        for known, longer in pairwise(reversed(new)):
            self._back[longer] = known
            self._longest[longer] = self._longest[longer] or self._longest[known]


def _any_of(texts: Collection[bytes]) -> bytes:
    """A pattern of texts of one length, which tries no byte twice at a place."""
    if len(texts) == 1:
        return re.escape(next(iter(texts)))
    rests: dict[bytes, set[bytes]] = defaultdict(set)
    for text in texts:
        rests[text[:1]].add(text[1:])
    return b"(?:" + b"|".join(re.escape(byte) + _any_of(rests[byte]) for byte in sorted(rests)) + b")"
