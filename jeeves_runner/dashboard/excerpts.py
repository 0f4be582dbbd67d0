"""The lines of manifests around what is wrong with them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from jeeves_runner.clock import from_text
from jeeves_runner.core.manifest.budget import MAX_SIZE
from jeeves_runner.core.problem import Position
from jeeves_runner.dashboard.masked_lines import lines_of, masked
from jeeves_runner.regular_files import read_all
from jeeves_runner.views.sync import ProblemDocument

MOST: Final = 20
"""Problems that are shown with their lines."""

_MOST_LINES: Final = 10_000
"""Lines of a file between the first and the last problem that is shown."""

_BEFORE: Final = 3
_AFTER: Final = 2
_WIDTH: Final = 160
_FAR: Final = 120
"""A line is cut in front where what is wrong stands further on than that."""

_CUT: Final = "…"

Place = tuple[str, int, int]
"""File, line and column of a problem."""


class ExcerptLine(NamedTuple):
    """A line of a file."""

    number: int
    """From 1."""
    text: str
    """What is shown of it."""
    caret: str | None
    """Of the line that is wrong, what stands in front of the place; None: it is not that line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Excerpt:
    """Some lines of a file."""

    lines: Sequence[ExcerptLine]
    """In order."""
    is_newer: bool
    """Whether the file was written after the problem was found: the lines may be others."""


def place_of(problem: ProblemDocument) -> Place:
    """What names the excerpt of a problem."""
    return problem["file"], problem["line"], problem["column"]


def excerpts(
    root: Path, problems: Sequence[ProblemDocument], checked_at: str | None
) -> Mapping[Place, Excerpt]:
    """The lines around the first problems. It reads files: not in the event loop.

    What cannot be read, or has no such line any more, is left out. A problem of the config, whose file is
    named by its full path, is left out too: nothing is known of what may be secret in it.
    """
    places: dict[str, list[Position]] = {}
    for problem in problems[:MOST]:
        if not Path(problem["file"]).is_absolute():
            places.setdefault(problem["file"], []).append((problem["line"], problem["column"]))
    looked = None if checked_at is None else from_text(checked_at).timestamp()
    found: dict[Place, Excerpt] = {}
    for file, those in places.items():
        try:
            state = os.stat(root / file)
            shown = _of_file(root / file, state.st_mtime_ns, state.st_size, tuple(those))
        except OSError:
            continue
        is_newer = looked is not None and state.st_mtime > looked
        found |= {(file, *at): Excerpt(lines=lines, is_newer=is_newer) for at, lines in shown.items()}
    return found


@lru_cache(maxsize=4 * MOST)
def _of_file(
    path: Path, _written: int, _size: int, places: Sequence[Position]
) -> Mapping[Position, Sequence[ExcerptLine]]:
    """The lines around each place. Kept for as long as the file stays as it is, because an open page comes
    again and again."""
    lines = lines_of(read_all(path, MAX_SIZE, follow=True).decode("utf-8-sig", "replace"))
    places = [at for at in places if at[0] <= len(lines)]
    if not places:
        return {}
    first = max(0, min(line for line, _ in places) - 1 - _BEFORE)
    last = min(max(line for line, _ in places) - 1 + _AFTER, first + _MOST_LINES)
    shown = dict(enumerate(masked(lines, first, last), first))
    return {at: _around(lines, shown, at) for at in places if at[0] - 1 in shown}


def _around(lines: Sequence[str], shown: Mapping[int, str], at: Position) -> Sequence[ExcerptLine]:
    place, column = at[0] - 1, at[1] - 1
    found = []
    for number in range(max(0, place - _BEFORE), place + _AFTER + 1):
        if number not in shown:
            continue
        text = _visible(shown[number])
        if number != place:
            found.append(ExcerptLine(number + 1, _cut(text), None))
            continue
        same = _same(shown[number], lines[number])
        begin = max(0, column - _WIDTH // 2) if column > _FAR else 0
        front = "".join(char if char == "\t" else " " for char in text[begin : min(column, same)])
        more = _CUT if begin else ""
        found.append(ExcerptLine(number + 1, more + _cut(text[begin:]), " " * len(more) + front))
    while found and not found[-1].text and found[-1].caret is None:
        found.pop()
    return tuple(found)


def _same(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _visible(text: str) -> str:
    """The text with a sign for each character that is none: some of them turn the order of others round."""
    return "".join(char if char.isprintable() or char == "\t" else "\ufffd" for char in text)


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else text[:_WIDTH] + _CUT
