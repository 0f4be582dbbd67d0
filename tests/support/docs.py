"""The documentation as data: the tables, code blocks and links of its Markdown.

Take it to hold a page against the program: each option, setting and code has its row, and examples run.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])

_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_CELL_BORDER = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Block:
    """One fenced code block. ``info`` are the words after the fence: a language, then what it is."""

    page: str
    line: int
    info: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def read(name: str) -> str:
    """A page by its path below docs/."""
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Block(name_of(page), line, tuple(match[1].split()), match[2])


def prose(text: str) -> str:
    """A page without its code blocks."""
    return _FENCE.sub("", text)


def section(text: str, heading: str) -> str:
    """What stands between a heading and the next one of any level; KeyError if there is none such."""
    parts = re.split(r"^#+ +(.+)$", prose(text), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading]


def headings(text: str, level: int) -> list[str]:
    return re.findall(rf"^{'#' * level} +(.+)$", prose(text), flags=re.MULTILINE)


def table(text: str, first: str) -> list[list[str]]:
    """The rows of all tables of ``text`` whose first column is headed ``first``."""
    found: list[list[str]] = []
    wanted = False
    for line in text.splitlines():
        if not line.startswith("|"):
            wanted = False
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in _CELL_BORDER.split(line)[1:-1]]
        if cells[0] == first:
            wanted = True
        elif wanted and not set(line) <= set("|-: "):
            found.append(cells)
    return found


def code(cell: str) -> list[str]:
    """What stands between backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def only_code(cell: str) -> str | None:
    """The one thing between backticks, or None if there is nothing."""
    words = code(cell)
    assert len(words) <= 1, cell
    return words[0] if words else None


def links(page: Path) -> list[str]:
    """The targets of a page's links."""
    return _LINK.findall(prose(page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """The fragments by which GitHub links to a page's headings."""
    text = prose(page.read_text(encoding="utf-8"))
    return {anchor(heading) for heading in _HEADING.findall(text)}


def anchor(heading: str) -> str:
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
