"""``backfill`` as people write it. It is noon of 2026-03-01."""

from pathlib import Path

import pytest
from support.cli import Shell, refused

from jeeves_runner.cli.context import App


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    for name in ("report", "run", "list", "cancel"):
        shell.ledger.add_job(name, schedule=("0 * * * *",))
    return shell


SINCE = ("--from", "2026-03-01T09:00Z", "--dry-run")


@pytest.mark.parametrize("name", ["report", "run", "list", "cancel"])
def test_a_job_needs_no_command_before_it_whatever_it_is_called(shell: Shell, name: str) -> None:
    short = shell.json("backfill", name, *SINCE)
    assert short == shell.json("backfill", "run", name, *SINCE)
    assert {each["job_id"] for each in short["occurrences"]} == {name}
    assert f"A backfill of {name} would have 3 times" in shell.text("backfill", name, *SINCE)


def test_the_options_of_run_may_come_before_the_job(shell: Shell) -> None:
    assert "A backfill of list would" in shell.text("backfill", "run", *SINCE, "list")


def test_without_them_it_is_the_command(shell: Shell) -> None:
    assert shell.json("backfill", "list") == shell.json("backfill") == {"backfills": []}
    refused(shell.run("backfill", "cancel", "7", "--from", "2026-03-01"), "No such option '--from'", 64)
    refused(shell.run("backfill", "run"), "Missing argument 'JOB'", 64)
    refused(shell.run("backfill", "run", "list"), "Missing option '--from'", 64)


def test_who_breaks_off_as_soon_as_it_is_asked_for_hears_that_it_goes_on(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_off(_app: App, _text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(App, "print", broken_off)
    with shell.server():
        result = shell.run("backfill", "report", *SINCE[:2])
    assert (result.exit_code, result.stderr) == (
        130,
        "backfill 1 goes on; `jeeves-runner backfill cancel 1` ends it\n",
    )
