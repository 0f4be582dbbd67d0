"""Finds many texts in one pass: the automaton of Aho and Corasick (1975).

Its states are the beginnings of the texts, as a tree. After each byte it stands at the longest beginning that
the bytes so far end with. So a byte costs the same whatever the texts are and however they overlap.
"""

import re
from array import array
from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from typing import Final

ROOT: Final = 0
"""The state in which nothing is begun."""

_NOTHING: Final = -1
_NONE: Final[Mapping[int, int]] = {}

_SEARCHED: Final = 8
"""Bytes of a text that are searched for: enough that they are nearly always the beginning of it."""


class Automaton:
    """Knows the states. They are numbers; a text's states mostly follow one another."""

    def __init__(self, texts: Collection[bytes]) -> None:
        """``texts``: at least one, each of 2 bytes at least."""
        self._next = array(
            "h", [_NOTHING]
        )  # the byte that leads to the state with the next number, if one does
        self._others: dict[int, dict[int, int]] = {}  # where further bytes lead
        self._depth = array("I", [0])
        self._longest = array("I", [0])
        for text in texts:
            self._add(text)
        self._back = array("I", bytes(self._depth.itemsize * len(self._depth)))
        self._link()
        # Nearly all output holds no beginning of a text. A search for one in C passes it at full speed.
        self._searched = min(_SEARCHED, *map(len, texts))
        beginnings = {text[: self._searched] for text in texts}
        self._search = re.compile(_any_of(beginnings), re.DOTALL).search

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
                if state in others and byte in others[state]:
                    state = others[state][byte]
                    break
                if state == ROOT:
                    break
                state = back[state]
            else:
                state += 1
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
            self._others.setdefault(state, {})[text[place]] = first
        self._next.extend(text[place + 1 :])
        self._next.append(_NOTHING)
        self._depth.extend(range(place + 1, len(text) + 1))
        self._longest.extend(bytes(len(text) - place))
        return len(self._next) - 1

    def _onward(self, state: int, byte: int) -> int | None:
        if self._next[state] == byte:
            return state + 1
        return self._others[state].get(byte) if state in self._others else None

    def _link(self) -> None:
        """Note for each state the one to go on from where no byte leads on: its longest proper end that is a
        beginning too. Shallow states come first."""
        following, others, back, longest = self._next, self._others, self._back, self._longest
        waiting = deque(child for _, child in self._leads(ROOT))
        while waiting:
            state = waiting.popleft()
            for byte, child in self._leads(state):
                waiting.append(child)
                end = back[state]
                while following[end] != byte and byte not in others.get(end, _NONE) and end != ROOT:
                    end = back[end]
                back[child] = end + 1 if following[end] == byte else others.get(end, _NONE).get(byte, ROOT)
                longest[child] = longest[child] or longest[back[child]]

    def _leads(self, state: int) -> list[tuple[int, int]]:
        """The bytes that lead on from a state, and where to."""
        leads = list(self._others.get(state, _NONE).items())
        if self._next[state] != _NOTHING:
            leads.append((self._next[state], state + 1))
        return leads


def _any_of(texts: Collection[bytes]) -> bytes:
    """A pattern of texts of one length, which tries no byte twice at a place."""
    if len(texts) == 1:
        return re.escape(next(iter(texts)))
    rests: dict[bytes, set[bytes]] = defaultdict(set)
    for text in texts:
        rests[text[:1]].add(text[1:])
    return b"(?:" + b"|".join(re.escape(byte) + _any_of(rests[byte]) for byte in sorted(rests)) + b")"
