"""The lines of manifests around what is wrong with them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from jeeves_runner.clock import from_text
from jeeves_runner.core.manifest.budget import MAX_SIZE
from jeeves_runner.dashboard.masked_lines import lines_of, masked
from jeeves_runner.regular_files import read_all
from jeeves_runner.views.sync import ProblemDocument

MOST: Final = 20
"""Problems that are shown with their lines."""

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
    found: dict[Place, Excerpt] = {}
    texts: dict[str, tuple[list[str], float] | None] = {}
    for problem in problems[:MOST]:
        file = problem["file"]
        if file not in texts:
            texts[file] = None if Path(file).is_absolute() else _read(root / file)
        read = texts[file]
        if read is None or problem["line"] > len(read[0]):
            continue
        lines, written = read
        is_newer = checked_at is not None and written > from_text(checked_at).timestamp()
        shown = tuple(_around(lines, problem["line"] - 1, problem["column"] - 1))
        found[place_of(problem)] = Excerpt(lines=shown, is_newer=is_newer)
    return found


def _read(path: Path) -> tuple[list[str], float] | None:
    """The lines of a manifest, and when it was written; None: it cannot be read."""
    try:
        data = read_all(path, MAX_SIZE, follow=True)
        return lines_of(data.decode("utf-8-sig", "replace")), os.stat(path).st_mtime
    except OSError:
        return None


def _around(lines: Sequence[str], place: int, column: int) -> list[ExcerptLine]:
    first = max(0, place - _BEFORE)
    found = []
    for at, text in enumerate(masked(lines, first, place + _AFTER), first):
        shown = _visible(text)
        if at != place:
            found.append(ExcerptLine(at + 1, _cut(shown), None))
            continue
        same = _same(text, lines[at])
        begin = max(0, column - _WIDTH // 2) if column > _FAR else 0
        front = shown[begin : min(column, same)]
        front = "".join(char if char == "\t" else " " for char in front)
        more = _CUT if begin else ""
        found.append(ExcerptLine(at + 1, more + _cut(shown[begin:]), " " * len(more) + front))
    while found and not found[-1].text and found[-1].caret is None:
        found.pop()
    return found


def _same(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _visible(text: str) -> str:
    """The text with a sign for each character that is none: some of them turn the order of others round."""
    return "".join(char if char.isprintable() or char == "\t" else "\ufffd" for char in text)


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else text[:_WIDTH] + _CUT
