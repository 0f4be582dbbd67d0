"""One who hears a table walks its cells: with each, the names of its row and its column are said."""

import re
from pathlib import Path
from typing import Final

import pytest
from support.tables import Tables

import jeeves_runner.dashboard

TEMPLATES: Final = Path(jeeves_runner.dashboard.__file__).parent / "templates"

FILLED_IN: Final = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)


def _tables(template: Path) -> Tables:
    return Tables(FILLED_IN.sub("", template.read_text()))


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_tables_their_rows_and_their_columns_have_names(template: Path) -> None:
    """Of the templates: no world has all the rows that there can be."""
    assert _tables(template).wrong == []


def test_there_are_tables_to_look_at() -> None:
    assert sum(_tables(template).seen for template in TEMPLATES.glob("*.html")) > 15
    assert Tables("<table><tr><td>1</td></tr></table>").wrong == [
        "a row without a name: <tr>",
        "a table without a name, the 1. of its page",
        "a table without heads of its columns, the 1. of its page",
    ]
