"""Masks secrets in a stream of bytes, wherever its chunks are cut."""

import json
from typing import Any

from jeeves_runner.execute.output.automaton import ROOT, Automaton

MASK = b"***"

_MIN_PART = 6
"""Bytes of the shortest beginning of a secret that is masked where the output ends in the middle of it."""


class Masker:
    """Replaces texts in one stream; the result depends on the whole stream, not on its chunks.

    Every byte of every text is masked; texts that overlap become one mask. The end of a chunk that may be the
    beginning of a text is held back until more comes.
    """

    def __init__(self, automaton: Automaton | None) -> None:
        """``automaton`` of the texts; None: there are none."""
        self._automaton = automaton
        self._state = ROOT
        self._held = b""
        # Where texts were found in what is held. A start below 0: its mask has been passed on.
        self._found: list[tuple[int, int]] = []

    def feed(self, data: bytes) -> bytes:
        """What can be passed on after this chunk."""
        if self._automaton is None:
            return data
        start, data = len(self._held), self._held + data
        self._state, found = self._automaton.read(data, start, self._state)
        self._join(found)
        return self._pass_on(data, len(data) - self._automaton.depth(self._state))

    def close(self, *, may_be_cut: bool = True) -> bytes:
        """What was held back, now that no more comes; ``may_be_cut``: perhaps in the middle of a text."""
        if self._automaton is None:
            return b""
        begun, end = self._automaton.depth(self._state), len(self._held)
        if may_be_cut and begun >= _MIN_PART:  # its program was killed while it wrote, say
            self._join([(end - begun, end)])
        return self._pass_on(self._held, end)

    def _join(self, found: list[tuple[int, int]]) -> None:
        """Add what was found, in the order of the ends."""
        for start, end in found:
            first = start
            while self._found and self._found[-1][1] > start:
                first = min(first, self._found.pop()[0])
            self._found.append((first, end))

    def _pass_on(self, data: bytes, decided: int) -> bytes:
        """All before ``decided``, masked: no text that is found later begins there."""
        parts: list[bytes] = []
        place = 0
        for start, end in self._found:
            if start >= decided:
                break
            if start >= 0:
                parts += (data[place:start], MASK)
            place = min(end, decided)
        parts.append(data[place:decided])
        self._found = [(start - decided, end - decided) for start, end in self._found if end > decided]
        self._held = data[decided:]
        return b"".join(parts)


def masked(text: str, automaton: Automaton | None) -> str:
    """A text that is whole, masked as a stream is."""
    if automaton is None:
        return text
    masker = Masker(automaton)
    data = masker.feed(text.encode("utf-8", "surrogatepass")) + masker.close(may_be_cut=False)
    return data.decode("utf-8", "surrogatepass")


def masked_json(text: str, automaton: Automaton | None) -> str:
    """A JSON text that is masked already, with what its escapes hid masked as well: in strings and names."""
    if automaton is None or "\\" not in text:
        return text
    value = json.loads(text)
    shown = _with_strings_masked(value, automaton)
    return text if shown == value else json.dumps(shown)


def _with_strings_masked(value: Any, automaton: Automaton | None) -> Any:
    match value:
        case str():
            return masked(value, automaton)
        case list():
            return [_with_strings_masked(item, automaton) for item in value]
        case dict():
            return {
                masked(name, automaton): _with_strings_masked(item, automaton) for name, item in value.items()
            }
        case _:
            return value
