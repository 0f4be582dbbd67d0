"""``history``: what was applied, and what one apply changed."""

from pathlib import Path

import pytest
from support.cli import Shell, words
from support.project import Project


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_history_tells_what_was_applied_and_what_one_apply_changed(shell: Shell, tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("a.yaml", "run: echo a\n")
    project.write("b.yaml", "run: echo b\n")
    project.apply()
    project.write("a.yaml", "run: echo c\n")
    project.apply()
    lines = [words(line) for line in shell.text("history").splitlines()]
    assert [line.split()[0] for line in lines] == ["NUMBER", "3", "2", "1"]
    assert "cli +0 ~1 -0" in lines[1]
    assert "cli +2 ~0 -0" in lines[2]
    text = shell.text("history", "3")
    assert "~ job a  jobs.d/a.yaml:1" in text
    assert 'script: "echo a" -> "echo c"' in text
    assert [row["id"] for row in shell.json("history", "--before", "3")["revisions"]] == [2, 1]
    assert shell.text("history", "--before", "1") == "Nothing is older than 1.\n"


def test_a_revision_that_is_not_there_names_the_newest(shell: Shell) -> None:
    result = shell.run("history", "7")
    assert result.exit_code == 2
    assert "there is no revision 7" in result.stderr
    assert "the newest is 1" in result.stderr


def test_one_apply_names_what_it_held(shell: Shell, tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("a.yaml", "run: echo a\n")
    project.write("b.yaml", "run: echo b\n")
    project.apply()
    project.write("a.yaml", "run: [\n")
    project.write("b.yaml", "run: echo c\n")
    project.apply()
    assert shell.json("history", "3")["revision"]["held"] == ["a"]
    assert "held a" in [words(line) for line in shell.text("history", "3").splitlines()]
    assert "held" not in shell.text("history", "2")


@pytest.mark.parametrize("option", ["--limit", "--before"])
def test_one_apply_takes_no_option_of_the_list(shell: Shell, option: str) -> None:
    result = shell.run("history", "1", option, "1")
    assert (result.exit_code, result.stdout) == (64, "")
    assert "--limit and --before are for the list" in result.stderr
