"""``status``: what needs attention is told to people, to monitors and to programs."""

import json
import subprocess
from pathlib import Path

import pytest
from support.cli import Shell, between_looks, refused, run_row, words
from support.queues import push

from jeeves_runner.db.runner import begin_epoch


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_a_server_that_has_died_is_no_success(shell: Shell) -> None:
    shell.ledger.add_job("tick", schedule=("* * * * *",))
    with subprocess.Popen(["true"]) as process:
        pass
    with shell.ledger.tx() as tx:
        begin_epoch(tx, process.pid, "this boot")
    why = f"pid {process.pid}, started now, ended without a word; `jeeves-runner serve` starts another"
    shown = shell.run("status")
    assert (shown.exit_code, shown.stderr) == (2, "")
    assert f" is dead: {why}.\n" in shown.stdout
    assert "Next, once a server runs" in shown.stdout
    checked = shell.run("status", "--check")
    assert (checked.exit_code, checked.stdout) == (2, f"jeeves-runner: the server is dead: {why}\n")
    answer = shell.run("status", "--json")
    (found,) = json.loads(answer.stdout)["attention"]
    assert (answer.exit_code, found["what"], found["which"]) == (2, "dead", "the server")
    assert "started 2026-03-01T12:00:00.000Z" in found["why"]


def test_what_is_said_of_the_server_stays_within_the_terminal(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeeves_runner.cli.commands.status.terminal_width", lambda: 80)
    with shell.ledger.tx() as tx:
        begin_epoch(tx, 999999999, "this boot")
    first, second, *_ = shell.run("status").stdout.splitlines()
    assert words(f"{first} {second}").endswith("ended without a word; `jeeves-runner serve` starts another.")
    assert max(len(first), len(second)) <= 80


def test_what_needs_attention_is_in_the_document_with_its_times(shell: Shell) -> None:
    shell.ledger.add_job("good")
    shell.ledger.pause("good", reason="holiday")
    assert shell.json("status")["attention"] == []
    shell.ledger.add_job("bad")
    run = shell.ledger.add_run("bad", "error", message="exit code 1")
    ended = run_row(shell, run, "finished_at")[0]
    assert shell.json("status")["attention"] == [
        {"what": "failing", "which": "bad", "why": f"error, last {ended} in run {run}: exit code 1"}
    ]


def test_dead_letters_and_claims_that_failed_ask_for_attention(shell: Shell) -> None:
    shell.ledger.declare_queue("mail", max_attempts=1)
    push(shell.ledger, {"to": "Ada"}, {"to": "Bob"}, {"to": "Eve"})
    item = json.loads(shell.run("queue", "claim", "mail", "--lease", "1m", "--json").stdout)["items"][0]
    failed = shell.run("queue", "fail", str(item["id"]), item["lease_token"], "no")
    assert failed.exit_code == 0, failed.stderr
    assert shell.run("queue", "claim", "mail", "--lease", "1m").exit_code == 0
    assert "dead letters mail 1 item has failed for good; `jeeves-runner" in words(shell.text("status"))
    shell.ledger.clock.advance(minutes=2)
    assert "dead letters mail 2 items have failed for good;" in words(shell.text("status"))
    assert [each["what"] for each in shell.json("status")["attention"]] == ["dead letters"]


def test_a_watch_looks_again_and_again_until_it_is_interrupted(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    between_looks(monkeypatch, lambda: shell.ledger.add_job("late"), interrupt)
    text = shell.text("status", "--watch")
    assert text.count(" is stopped; ") == 2
    assert [f"Jobs: {number} declared" in text for number in (0, 1)] == [True, True]


def test_a_check_that_watches_is_refused(shell: Shell) -> None:
    refused(shell.run("status", "--check", "--watch"), "--check answers once", 64)
