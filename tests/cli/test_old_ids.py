"""Given a job that was renamed, when people ask by its old id, then they are told what it is called now."""

from pathlib import Path

import pytest
from support.alerts import AlertLedger
from support.api import Api, with_api
from support.cli import Shell, refused

from jeeves_runner.db.carried_runs import carry
from jeeves_runner.db.outbox import record_sent
from jeeves_runner.db.renames import Rename, rename

RENAMED = "job old was renamed to new"


def rename_it(ledger: AlertLedger, old: str = "old", new: str = "new") -> None:
    with ledger.tx() as tx:
        rename(tx, [Rename(old, new)], ledger.revision)


@pytest.fixture
def ledger(tmp_path: Path) -> AlertLedger:
    return AlertLedger(tmp_path / "data" / "runner.sqlite")


@pytest.fixture
def shell(tmp_path: Path, ledger: AlertLedger) -> Shell:
    ledger.add_told_job("old", schedule=("0 13 * * *",))
    ledger.add_run("old", "ok")
    rename_it(ledger)
    ledger.add_told_job("new", schedule=("0 13 * * *",))  # as the apply goes on
    return Shell(tmp_path, lambda _: ledger)


@pytest.mark.parametrize(
    "command",
    [
        "job old", "runs old", "runs old --status error", "next old", "next old --load",
        "trigger old", "pause old", "resume old", "mute old --for 1h", "unmute old", "skip old",
        "unskip old",
    ],
)  # fmt: skip
def test_a_command_names_the_new_id(shell: Shell, command: str) -> None:
    refused(shell.run(*command.split()), RENAMED)


def test_lengths_of_a_play_are_given_for_the_new_id(shell: Shell) -> None:
    refused(shell.run("simulate", "--duration", "old=5m"), f"hint: {RENAMED}", 64)


def test_why_answers_of_the_new_one_and_says_so(shell: Shell) -> None:
    assert "Job old was renamed to new." in shell.text("why", "old")


def test_a_route_names_the_new_id(shell: Shell) -> None:
    async def scenario(api: Api) -> list[tuple[int, str]]:
        found = []
        for path in ("/jobs/old", "/jobs/old/runs", "/runs?job=old", "/schedule?job=old"):
            answer = await api.get(path)
            found.append((answer.status, answer.body["detail"]))
        return found

    assert with_api(shell.ledger, scenario) == [(404, RENAMED)] * 4


def test_runs_that_could_not_go_along_are_shown(tmp_path: Path, ledger: AlertLedger) -> None:
    """Where a deleted job of the new id ran at the same time, its row is the one of that time."""
    for name in ("old", "new"):
        ledger.add_told_job(name)
        run = ledger.add_run(name, trigger="schedule", scheduled_for="2026-02-01T03:00:00.000Z")
        if name == "old":
            left = run
    ledger.delete_job("new")
    rename_it(ledger)
    with ledger.tx() as tx:
        carry(tx, 100)
    shell = Shell(tmp_path, lambda _: ledger)
    assert [row["id"] for row in shell.json("runs", "old")["runs"]] == [left]


def test_what_is_over_and_what_was_sent_has_the_id_of_now(tmp_path: Path, ledger: AlertLedger) -> None:
    ledger.add_told_job("old")
    ledger.end("old", "error")
    ledger.end("old", "ok")
    with ledger.tx() as tx:
        record_sent(tx, [1], None)
    ledger.clock.advance(hours=1)
    rename_it(ledger)
    ledger.clock.advance(hours=1)
    ledger.add_told_job("old")
    ledger.end("old", "error")
    ledger.end("old", "ok")
    with ledger.tx() as tx:
        record_sent(tx, [3], None)
    found = Shell(tmp_path, lambda _: ledger).json("alerts", "--all")
    assert [row["job_id"] for row in found["incidents"]] == ["old", "new"]
    sent = {row["id"]: row["job_id"] for row in found["messages"]}
    assert sent == {1: "new", 2: "new", 3: "old", 4: "old"}
