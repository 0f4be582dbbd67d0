"""What people read of runs: their list, and one in full."""

import re
from pathlib import Path

import pytest
from support.cli import Shell, words
from support.clock import NOON

from jeeves_runner.clock import to_text


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_an_empty_list_of_runs_says_of_what(shell: Shell) -> None:
    shell.ledger.add_job("new")
    assert shell.text("runs", "new") == "new has not run yet.\n"
    assert shell.text("runs", "--before", "1") == "There are no older runs.\n"
    assert shell.text("runs", "new", "--before", "1") == "There are no older runs of new.\n"
    assert shell.text("runs", "--status", "error") == "There is no run of status error.\n"
    assert shell.text("runs", "new", "--status", "error") == "new has no run of status error.\n"


def test_runs_fill_a_screen_or_a_page_of_the_api(shell: Shell) -> None:
    shell.ledger.add_job("a")
    for _ in range(60):
        shell.ledger.add_run("a")
    assert len(shell.rows("runs")) == 1 + 20
    assert len(shell.json("runs")["runs"]) == 50
    assert len(shell.json("runs", "--limit", "55")["runs"]) == 55


def test_runs_are_listed_newest_first_with_what_happened(shell: Shell) -> None:
    ledger = shell.ledger
    ledger.add_job("a")
    ledger.add_run("a", "missed", reason="late", occurrences=7, scheduled_for=to_text(NOON))
    ledger.add_run("a", "ok", attempt=2, trigger="retry")
    ledger.add_run("a", "running")
    lines = [words(line) for line in shell.text("runs").splitlines()]
    assert lines == [
        "RUN JOB STATUS TRIGGER TIME (UTC) TOOK NOTE",
        "3 a running manual 2026-03-01 11:59:00 1m so far -",
        "2 a ok retry 2026-03-01 11:59:00 1.0s attempt 2",
        "1 a missed manual 2026-03-01 12:00:00 - older than catch_up_window; 7 occurrences",
    ]


@pytest.mark.parametrize(
    ("status", "reason", "words_with_server", "words_without"),
    [
        ("scheduled", "limit", "waits: max_concurrency or max_sessions is reached", "waits for a server"),
        ("scheduled", "pool", "waits: pool db is full", "waits for a server"),
        ("scheduled", None, "", "waits for a server"),
        ("skipped", "overlap", "another run of it was active", "another run of it was active"),
        ("missed", "superseded", *("a newer occurrence took its place",) * 2),
        ("cancelled", "cancel", *("cancelled on request",) * 2),
    ],
)
def test_a_reason_is_told_in_words(
    shell: Shell, status: str, reason: str | None, words_with_server: str, words_without: str
) -> None:
    shell.ledger.add_job("a")
    ref = "db" if reason == "pool" else None
    run = shell.ledger.add_run("a", status, reason=reason, reason_ref=ref, started_at=None)

    def told(*command: str) -> str:
        return words(shell.text(*command))

    assert told("runs").endswith(words_without or "-")
    assert f"why {words_without} " in told("run", str(run))
    with shell.server():
        assert told("runs").endswith(words_with_server or "-")
        assert (f"why {words_with_server} " in told("run", str(run))) is bool(words_with_server)
    assert shell.json("run", str(run))["run"]["reason"] == reason


def test_how_long_the_run_of_a_dead_server_took_is_unknown(shell: Shell) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run("a", "interrupted", duration_ms=None, message="the runner died while this ran")
    assert words(shell.text("runs").splitlines()[1]) == (
        f"{run} a interrupted manual 2026-03-01 11:59:00 unknown the runner died while this ran"
    )
    assert "took unknown" in [words(line) for line in shell.text("run", str(run)).splitlines()]


def test_a_start_that_was_changed_by_hand_is_shown_as_it_stands(shell: Shell) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run("a", "running")
    shell.ledger.conn.execute("UPDATE runs SET started_at = 'yesterday'")
    assert words(shell.text("runs").splitlines()[1]) == f"{run} a running manual yesterday unknown -"
    assert "started yesterday" in [words(line) for line in shell.text("run", str(run)).splitlines()]


def test_a_run_that_runs_shows_what_it_says_of_itself(shell: Shell) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run("a", "running", message="waits for a place", tokens=12, model="small")
    assert words(shell.text("runs").splitlines()[1]).endswith("so far waits for a place")
    assert "waits for a place" in shell.text("job", "a")
    lines = [words(line) for line in shell.text("run", str(run)).splitlines()]
    assert {"now waits for a place", "tokens 12", "model small"} <= set(lines)


def test_a_long_message_is_cut_in_the_list_alone(shell: Shell) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run("a", "error", message="refused: " + "x" * 120 + ";\nset it")
    assert "set it" not in shell.text("runs")
    assert f"{'x' * 120}; set it" in words(shell.text("run", str(run)))


def test_what_became_known_of_a_run_late_is_shown(shell: Shell) -> None:
    shell.ledger.add_job("a")
    late = '{"status": "ok", "at": "2026-03-01T11:59:00.000Z", "tokens": 12, "message": "it went on"}'
    run = shell.ledger.add_run("a", "timeout", confirmed=0, late=late)
    text = shell.text("run", str(run))
    assert re.search(r"late +ok, known .*\(1m ago\); 12 tokens; it went on", text)
    document = shell.json("run", str(run))["run"]
    assert (document["confirmed"], document["late"]["tokens"]) == (False, 12)
    shell.ledger.conn.execute("UPDATE runs SET late = '{}'")
    assert re.search(r"late +\{\}", shell.text("run", str(run)))


def test_a_run_is_told_with_the_end_of_its_output(shell: Shell) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run(
        "a", "error", exit_code=2, message="exit code 2", params='{"DAY":"1"}', revision_id=1,
        file="jobs.d/a.yaml", stdout="".join(f"line {n}\n" for n in range(30)), stderr="\x1b[31mbad\x1b[0m\n",
    )  # fmt: skip
    text = shell.text("run", str(run))
    lines = [words(line) for line in text.splitlines()]
    assert lines[:4] == [f"Run {run} of a", "status error", "why exit code 2", "trigger manual"]
    assert 'params {"DAY": "1"}' in lines
    assert "declared jobs.d/a.yaml, revision 1, commit f00dfeedf0" in lines
    assert f"Output (the last 20 lines; `logs {run}` prints all)" in lines
    assert "| line 9" not in lines
    assert "| line 10" in lines
    assert lines[-1] == "| \\x1b[31mbad\\x1b[0m"


def test_a_run_names_what_it_follows_from(shell: Shell) -> None:
    shell.ledger.add_job("a")
    shell.ledger.add_run("a", trigger="after", caused_by='{"runs":[7,9]}', depth=2)
    shell.ledger.add_run("a", trigger="after", caused_by='{"of":"another version"}', depth=2)
    assert "caused by  runs 7 and 9 (depth 2)" in shell.text("run", "1")
    assert shell.json("run", "1")["run"]["caused_by"] == {"runs": [7, 9]}
    assert "caused by" not in shell.text("run", "2")
