"""The README names the two commands of this repository, each by itself, where programs look for them too."""

from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize(
    ("heading", "command"), [("Quick start", "make run"), ("Run the tests", "make test")]
)
def test_the_first_block_of_a_section_is_one_command(heading: str, command: str) -> None:
    section = README.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert section.partition("\n```sh apart\n")[2].partition("\n```")[0] == command
