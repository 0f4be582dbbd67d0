"""A run named by its job."""

from pathlib import Path

import pytest
from support.cli import Shell, refused, run_row, words


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.ledger.add_job("a")
    return shell


def test_run_shows_the_latest_of_a_job_whatever_became_of_it(shell: Shell) -> None:
    shell.ledger.add_run("a", "ok")
    shell.ledger.add_run("a", "skipped", reason="overlap", started_at=None)
    assert shell.text("run", "a").startswith("Run 2 of a\n")
    assert shell.json("run", "a")["run"]["id"] == 2


def test_logs_prints_what_the_latest_wrote_that_has_started(shell: Shell) -> None:
    shell.ledger.add_run("a", "ok", stdout="one\ntwo\nthree\n")
    shell.ledger.add_run("a", "skipped", reason="overlap", started_at=None)
    result = shell.run("logs", "a")
    assert (result.stdout, result.stderr) == ("one\ntwo\nthree\n", "run 1 of a, ok\n")
    assert shell.run("logs", "1", "--tail", "2").stdout == "two\nthree\n"
    assert shell.run("logs", "1", "--tail", "0").stdout == ""


def test_cancel_ends_the_run_of_a_job_that_waits(shell: Shell) -> None:
    shell.ledger.add_run("a", "ok")
    run = shell.ledger.add_run("a", "scheduled", started_at=None)
    assert shell.text("cancel", "a") == f"Run {run} will not start.\n"
    assert run_row(shell, run, "status") == ("cancelled",)


def test_cancel_guesses_not_which_of_several_is_meant(shell: Shell) -> None:
    first = shell.ledger.add_run("a", "scheduled", started_at=None)
    second = shell.ledger.add_run("a", "scheduled", started_at=None)
    message = f"a has 2 runs that have not ended: run {first} waits, run {second} waits"
    refused(shell.run("cancel", "a"), message)
    assert run_row(shell, first, "status") == ("scheduled",)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("run", "a"), "a has not run yet"),
        (("logs", "a"), "a has not run yet"),
        (("cancel", "a"), "no run of a runs or waits"),
        (("run", "nowhere"), "nowhere"),
        (("logs", "nowhere"), "nowhere"),
        (("cancel", "nowhere"), "nowhere"),
    ],
)
def test_where_there_is_none_it_is_said(shell: Shell, command: tuple[str, ...], message: str) -> None:
    refused(shell.run(*command), message)


def test_a_word_that_names_neither_is_refused(shell: Shell) -> None:
    refused(shell.run("run", "A B"), "neither the number of a run nor the id of a job", 64)
    refused(shell.run("run", "0"), "neither the number of a run nor the id of a job", 64)


def test_a_retry_that_waits_says_when_it_comes(shell: Shell) -> None:
    shell.ledger.add_run(
        "a", "scheduled", reason="retry", trigger="retry", attempt=2, chain_id=None, started_at=None,
        not_before="2026-03-01T12:05:00.000Z",
    )  # fmt: skip
    with shell.server():
        assert "waits for its next attempt, in 5m; attempt 2" in words(shell.text("runs"))
