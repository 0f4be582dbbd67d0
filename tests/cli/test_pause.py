"""Pauses by command, of one job and of all, with a server and without one."""

from pathlib import Path

import pytest
from support.cli import Shell, refused, words

from jeeves_runner.core.edge_spec import After

HOURLY = ("0 * * * *",)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.ledger.add_job("backup", schedule=HOURLY)
    return shell


def test_pause_and_resume_work_without_a_server(shell: Shell) -> None:
    assert shell.text("pause", "backup", "--until", "2h30m", "--reason", "moving") == (
        "backup is paused, ends 2026-03-01 14:30:00Z (in 2h 30m): moving.\n"
    )
    job = shell.json("job", "backup")["job"]
    assert job["paused"] == {"until": "2026-03-01T14:30:00.000Z", "reason": "moving", "all": False}
    assert job["next_run"] == "2026-03-01T15:00:00.000Z"
    assert shell.text("resume", "backup") == "backup is resumed; it runs next in 1h.\n"
    assert shell.text("resume", "backup") == "backup is not paused.\n"


def test_a_second_pause_replaces_the_first(shell: Shell) -> None:
    shell.text("pause", "backup", "--until", "2026-03-02", "--reason", "one")
    document = shell.json("pause", "backup")
    assert document["job"]["paused"] == {"until": None, "reason": None, "all": False}
    shell.text("resume", "backup")
    assert shell.json("job", "backup")["job"]["paused"] is None


def test_all_jobs_are_paused_and_resumed_at_once_those_to_come_as_well(shell: Shell) -> None:
    assert (
        shell.text("pause", "--all", "--reason", "moving") == "All jobs are paused, until resumed: moving.\n"
    )
    shell.ledger.add_job("later", schedule=HOURLY)
    assert {job["status"] for job in shell.json("jobs")["jobs"]} == {"paused"}
    assert shell.json("next")["occurrences"] == []
    shown = [words(line) for line in shell.text("status").splitlines()]
    assert (
        shown.count("paused all jobs paused, until resumed: moving; `jeeves-runner resume --all` ends it")
        == 1
    )
    with shell.server():
        result = shell.run("trigger", "later")
        refused(result, "job later is paused")
        refused(result, "hint: end the pause of all jobs with `jeeves-runner resume --all`, or force the run")
        assert shell.run("trigger", "later", "--force").exit_code == 0
    assert shell.text("resume", "--all") == "The pause of all jobs has ended.\n"
    assert shell.json("job", "later")["job"]["next_run"] is not None
    assert shell.text("resume", "--all") == "There is no pause of all jobs.\n"


def test_a_pause_of_all_jobs_and_one_of_a_job_do_not_end_each_other(shell: Shell) -> None:
    shell.text("pause", "backup", "--until", "4h")
    assert shell.json("pause", "--all", "--until", "2h") == {
        "paused": {"until": "2026-03-01T14:00:00.000Z", "reason": None, "all": True}
    }
    assert shell.json("job", "backup")["job"]["paused"]["until"] == "2026-03-01T16:00:00.000Z"
    assert shell.text("resume", "--all") == (
        "The pause of all jobs has ended; 1 job stays paused, see `jeeves-runner status`.\n"
    )
    shell.text("pause", "--all")
    assert "backup is resumed, but all jobs are paused" in shell.text("resume", "backup")
    assert "backup has no pause of its own; all jobs are paused" in shell.text("resume", "backup")
    assert shell.json("job", "backup")["job"]["paused"] == {"until": None, "reason": None, "all": True}


@pytest.mark.parametrize("command", ["pause", "resume"])
@pytest.mark.parametrize("named", [(), ("backup", "--all"), ("backup", "--tag", "x")])
def test_either_a_job_or_all_are_named(shell: Shell, command: str, named: tuple[str, ...]) -> None:
    result = shell.run(command, *named)
    assert result.exit_code == 64
    assert "name either jobs, or --tag, or --all" in result.stderr


@pytest.mark.parametrize(
    ("until", "length"), [("2h30m", 9_000_000), ("2026-12-24", None)], ids=["a length", "a time"]
)
def test_of_a_pause_it_is_known_whether_a_length_was_said(
    shell: Shell, until: str, length: int | None
) -> None:
    shell.text("pause", "backup", "--until", until)
    assert shell.ledger.conn.execute("SELECT length_ms FROM overrides").get == length


def test_a_time_of_day_is_the_next_one_on_the_clocks_of_the_job(shell: Shell) -> None:
    shell.ledger.add_job("mail", timezone="Europe/Vienna")
    assert shell.text("pause", "mail", "--until", "18:00") == (
        "mail is paused, ends 2026-03-01 18:00:00+01:00 (in 5h).\n"
    )
    assert "muted, ends 2026-03-02 09:00:00+01:00 (in 20h)" in shell.text("mute", "mail", "--until", "9:00")
    assert "ends 2026-03-01 18:00:00+01:00 (in 5h)" in shell.text("job", "mail")


def test_a_job_that_others_start_is_resumed_to_that(shell: Shell) -> None:
    shell.ledger.add_job("mail", after=After(("backup",)), on_start=True)
    shell.text("pause", "mail")
    assert shell.text("resume", "mail") == (
        "mail is resumed; it starts after backup, and when a server starts.\n"
    )


def test_of_several_jobs_it_is_on_the_clocks_of_the_person(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    shell.ledger.add_job("mail", timezone="Europe/Vienna")
    assert shell.text("pause", "mail", "backup", "--until", "21:30").splitlines() == [
        "mail is paused, ends 2026-03-01 21:30:00+09:00 (in 30m).",
        "backup is paused, ends 2026-03-01 21:30:00+09:00 (in 30m).",
    ]
    assert shell.text("pause", "--all", "--until", "21:30", "--utc") == (
        "All jobs are paused, ends 2026-03-01 21:30:00Z (in 9h 30m).\n"
    )


def test_pause_and_resume_leave_a_trace(shell: Shell) -> None:
    shell.text("pause", "backup", "--reason", "why not")
    shell.text("resume", "backup")
    told = list(shell.ledger.conn.execute("SELECT actor, action, target, detail FROM audit ORDER BY id"))
    assert told == [("cli", "pause", "job backup", "why not"), ("cli", "resume", "job backup", None)]


@pytest.mark.parametrize("until", ["2026-02-28", "0s", "soon", "now"])
def test_a_pause_ends_ahead_or_not_at_all(shell: Shell, until: str) -> None:
    result = shell.run("pause", "backup", "--until", until)
    refused(result, "--until", code=64)
    assert shell.ledger.count("overrides") == 0


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_only_live_jobs_are_paused_and_resumed(shell: Shell, command: str) -> None:
    shell.ledger.delete_job("backup")
    refused(shell.run(command, "backup"), "job backup was deleted")
    refused(shell.run(command, "ghost"), "there is no job ghost")
