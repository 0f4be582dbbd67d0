"""The page on reasons shows what the command prints, and all words that it may answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import Shell, words
from support.docs import DOCS, Block, blocks, only_code, read, table
from support.why_page import project

from jeeves_runner.core.why.answer import Answer

PAGE = "explanation/reasons.md"
ASKED = [block for block in blocks(DOCS / PAGE) if block.info == ("text", "why")]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    shell = project(Path(tmp_path_factory.mktemp("project")))
    with shell.server():
        yield shell


@pytest.mark.parametrize("block", ASKED, ids=lambda block: block.text.split("\n")[0][2:])
def test_what_is_shown_is_what_the_command_prints(shell: Shell, block: Block) -> None:
    command, _, shown = block.text.partition("\n")
    prompt, program, *rest = command.split()
    assert (prompt, program) == ("$", "jeeves-runner")
    assert words(shown) == words(shell.text(*rest))


def test_the_answers_described_are_those_there_are() -> None:
    assert [only_code(word) for word, _ in table(read(PAGE), "answer")] != []
    assert {only_code(word) for word, _ in table(read(PAGE), "answer")} == set(Answer)
