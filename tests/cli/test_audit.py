"""``audit``: who has done what, page by page."""

from pathlib import Path

import pytest
from support.cli import Shell, words


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.ledger.add_job("backup")
    for line in ("pause backup --reason moving", "resume backup", "token create ci"):
        assert shell.run(*line.split()).exit_code == 0
    return shell


def numbers(shell: Shell, *options: str) -> list[int]:
    return [row["id"] for row in shell.json("audit", *options)["audit"]]


def test_acts_are_told_newest_first(shell: Shell) -> None:
    lines = [words(line) for line in shell.text("audit").splitlines()]
    assert lines[0] == "NUMBER TIME (UTC) WHO FROM DID TO ANSWER DETAIL"
    assert [line.split()[0] for line in lines[1:]] == ["3", "2", "1"]
    assert "create token token ci - read" in lines[1]
    assert "pause job backup - moving" in lines[3]
    assert lines[2].endswith("resume job backup - -")


def test_they_are_chosen_and_come_in_pages(shell: Shell) -> None:
    assert numbers(shell, "--target", "job backup") == [2, 1]
    assert numbers(shell, "--actor", "cli", "--limit", "1") == [3]
    assert numbers(shell, "--before", "3") == [2, 1]
    assert numbers(shell, "--since", "-1h") == [3, 2, 1]
    assert shell.text("audit", "--actor", "token ci") == "Nothing of that kind is in the audit.\n"


@pytest.mark.parametrize(
    ("since", "error"),
    [
        ("yesterday", "--since is neither a time nor a length of time: yesterday"),
        ("1d", "--since lies ahead: 1d\nhint: a length of time that has passed has a minus: -2h"),
    ],
)
def test_a_time_that_cannot_be_meant_is_refused(shell: Shell, since: str, error: str) -> None:
    result = shell.run("audit", "--since", since)
    assert result.exit_code == 64
    assert error in result.stderr
