"""The commands that look, each without a server: what holds for all of them."""

from pathlib import Path

import pytest
from support.cli import Shell
from support.clock import NOON

from jeeves_runner.views.jobs import job_view, jobs_view
from jeeves_runner.views.occurrences import next_view
from jeeves_runner.views.runs import run_view, runs_view


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_an_empty_project_says_what_to_do(shell: Shell) -> None:
    assert shell.text("jobs").startswith("There are no jobs yet: write a manifest")
    assert shell.text("runs") == "Nothing has run yet.\n"
    assert shell.text("next") == "Nothing is scheduled.\n"


def test_no_text_of_people_or_scripts_steers_the_terminal(shell: Shell) -> None:
    evil = "one\x1b[2Jtwo\x9b3J"
    ledger = shell.ledger
    ledger.add_job("a", name=evil, description=f"first\n{evil}", owner=evil, tags=(evil,))
    run = ledger.add_run("a", "error", message=evil, stdout=evil, stderr=evil, params=f'{{"A": "{evil}"}}')
    ledger.hold("a", evil)
    shell.run("pause", "a", "--reason", evil)
    commands = [
        ["job", "a"],
        ["jobs"],
        ["runs"],
        ["run", str(run)],
        ["status"],
        ["pause", "a", "--reason", evil],
    ]
    told = [shell.text(*words) for words in commands]
    told += [shell.run("job", evil).stderr, shell.run(evil).stderr, shell.run("runs", "--limit", evil).stderr]
    assert [text for text in told if "\x1b" in text or "\x9b" in text] == []
    assert [text for text in told if "one\\x1b[2Jtwo" not in text] == []
    assert "first\none" in told[0]


@pytest.mark.parametrize("command", ["job", "runs", "next"])
def test_an_unknown_job_ends_with_two_and_the_nearest_id(shell: Shell, command: str) -> None:
    shell.ledger.add_job("backup")
    result = shell.run(command, "bakup")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "jeeves-runner: error: there is no job bakup\nhint: did you mean backup?\n"


def test_the_runs_of_a_deleted_job_can_still_be_read(shell: Shell) -> None:
    shell.ledger.add_job("gone")
    run = shell.ledger.add_run("gone", stdout="last words\n")
    shell.ledger.delete_job("gone")
    assert [r["id"] for r in shell.json("runs", "gone")["runs"]] == [run]
    assert shell.text("logs", str(run)) == "last words\n"
    refused = shell.run("job", "gone")
    assert refused.exit_code == 2
    assert "job gone was deleted at 2026-03-01T12:00:00.000Z" in refused.stderr


def test_json_is_the_document_of_the_route(shell: Shell) -> None:
    ledger = shell.ledger
    ledger.add_job("a", schedule=("0 * * * *",))
    run = ledger.add_run("a", stdout="x")
    assert shell.json("jobs") == jobs_view(ledger.conn, NOON)
    assert shell.json("job", "a") == job_view(ledger.conn, NOON, "a")
    assert shell.json("runs", "a", "--limit", "5") == runs_view(ledger.conn, job_id="a", limit=5)
    assert shell.json("run", str(run)) == run_view(ledger.conn, run)
    assert shell.json("next", "--count", "3") == next_view(ledger.conn, NOON, count=3)


def test_without_a_database_the_next_step_is_named(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.config.write_text("db_path: elsewhere.sqlite\n")
    for command in ("status", "jobs", "runs", "next"):
        result = shell.run(command)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "there is no database at" in result.stderr
        assert "`jeeves-runner apply` sets it up" in result.stderr
        assert "restart it if data_dir or db_path has changed" in result.stderr
