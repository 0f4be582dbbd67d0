"""Sentences name what acts: a server, a person, another program. So a reader knows where to look."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from support.docs import PAGES, ROOT, name_of

UNCLEAR: Final = re.compile(
    r"\b(somebody|someone|anybody|anyone|nobody|no one|whoever|of weight)\b", re.IGNORECASE
)
"""Words that leave it open who is meant."""

OTHER_PAGES: Final = [ROOT / "ARCHITECTURE.md", *sorted((ROOT / "tests").glob("*.md"))]
SCHEMAS: Final = sorted((ROOT / "schemas").glob("*.json"))
SOURCES: Final = sorted(
    path
    for folder in ("jeeves_runner", "tests", "benchmarks", "scripts")
    for path in (ROOT / folder).rglob("*.py")
    if path != Path(__file__)
)
SENT: Final = sorted(
    path
    for folder, ending in (("templates", "html"), ("static", "css"), ("static", "js"))
    for path in (ROOT / "jeeves_runner" / "dashboard" / folder).rglob(f"*.{ending}")
)
"""What pages of the dashboard are made of."""


def unclear(text: str) -> list[str]:
    return [match[0] for match in UNCLEAR.finditer(text)]


def prose(source: str) -> Iterator[tuple[int, str]]:
    """The comments, docstrings and sentences of a source, with their lines. A text of one word is a name."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value.split()) > 2:
            yield node.lineno, node.value


@pytest.mark.parametrize("page", [*PAGES, *OTHER_PAGES, *SCHEMAS, *SENT], ids=name_of)
def test_pages_say_who_is_meant(page: Path) -> None:
    assert unclear(page.read_text(encoding="utf-8")) == []


def test_messages_docstrings_and_comments_say_who_is_meant() -> None:
    assert SOURCES
    assert [
        f"{path.relative_to(ROOT)}:{line}: {word}"
        for path in SOURCES
        if unclear(source := path.read_text(encoding="utf-8"))
        for line, text in prose(source)
        for word in unclear(text)
    ] == []


@pytest.mark.parametrize(
    "source", ["x = 1  # for nobody", '"""What somebody wrote."""', 'raise E(f"{x}: whoever reads {y}")']
)
def test_a_word_is_found_wherever_people_read(source: str) -> None:
    assert [word for _, text in prose(source) for word in unclear(text)]


@pytest.mark.parametrize("page", [*PAGES, *OTHER_PAGES, ROOT / "CHANGELOG.md"], ids=name_of)
def test_pages_hold_no_marks_of_a_merge(page: Path) -> None:
    marks = ("<" * 7 + " ", "=" * 7 + "\n", ">" * 7 + " ")
    assert [
        line for line in page.read_text(encoding="utf-8").splitlines(keepends=True) if line.startswith(marks)
    ] == []
