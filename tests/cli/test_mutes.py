"""``mute`` and ``unmute``, and what they share with ``pause`` and ``resume``: several jobs, tags, ends."""

from pathlib import Path

import pytest
from support.cli import Shell, words

from jeeves_runner.clock import to_text


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.ledger.add_job("backup", schedule=("0 * * * *",), tags=("db",))
    shell.ledger.add_job("vacuum", tags=("db", "night"))
    shell.ledger.add_job("mail")
    return shell


def muted(shell: Shell) -> set[str]:
    return {job["id"] for job in shell.json("jobs")["jobs"] if job["muted"]}


def test_a_job_is_muted_for_a_time_and_runs_on(shell: Shell) -> None:
    assert shell.text("mute", "backup", "--for", "2h30m", "--reason", "known") == (
        "backup is muted, ends 2026-03-01 14:30:00Z (in 2h 30m): known.\n"
    )
    job = shell.json("job", "backup")["job"]
    assert job["muted"] == {"until": "2026-03-01T14:30:00.000Z", "reason": "known", "all": False}
    assert (job["paused"], job["status"], job["enabled"]) == (None, "idle", True)
    assert job["next_run"] == "2026-03-01T13:00:00.000Z"
    assert shell.text("unmute", "backup") == (
        "backup is unmuted; what is still wrong with it is told once more.\n"
    )
    assert shell.text("unmute", "backup") == "backup is not muted.\n"


def test_a_mute_shows_wherever_a_pause_shows(shell: Shell) -> None:
    shell.text("mute", "backup", "--until", "2026-03-02", "--reason", "known")
    assert "muted, ends in 12h: known" in words(shell.text("jobs"))
    assert "muted muted, ends 2026-03-02 00:00:00Z (in 12h): known" in words(shell.text("job", "backup"))
    row = "muted backup muted, ends in 12h: known; `jeeves-runner unmute backup` ends it"
    assert row in words(shell.text("status"))
    shell.text("mute", "--all", "--for", "1d")
    row = "muted everything muted, ends in 1d; `jeeves-runner unmute --all` ends it"
    assert words(shell.text("status")).count(row) == 1


def test_a_mute_ends_by_itself(shell: Shell) -> None:
    shell.text("mute", "backup", "--for", "2h")
    shell.ledger.clock.advance(hours=2)
    assert muted(shell) == set()


def test_everything_is_muted_at_once_what_is_to_come_as_well(shell: Shell) -> None:
    assert shell.text("mute", "--all", "--for", "2h") == (
        "Everything is muted, ends 2026-03-01 14:00:00Z (in 2h).\n"
    )
    shell.ledger.add_job("later")
    assert muted(shell) == {"backup", "vacuum", "mail", "later"}
    shell.text("mute", "backup", "--for", "1h")
    assert "has no mute of its own; everything is muted: `jeeves-runner unmute --all` ends that" in (
        shell.text("unmute", "mail")
    )
    assert shell.text("unmute", "--all") == (
        "The mute of everything has ended; 1 job stays muted, see `jeeves-runner status`.\n"
    )
    assert shell.text("unmute", "--all").startswith("There is no mute of everything;")


@pytest.mark.parametrize("again", ["1h", "3h"])
def test_another_mute_replaces_the_first(shell: Shell, again: str) -> None:
    shell.text("mute", "backup", "--for", "2h")
    shell.text("mute", "backup", "--for", again)
    assert shell.ledger.count("overrides", "ended_at IS NULL") == 1
    until = shell.json("job", "backup")["job"]["muted"]["until"]
    assert until == to_text(shell.ledger.at(hours=-int(again[0])))


@pytest.mark.parametrize(("command", "key"), [("mute", "muted"), ("pause", "paused")])
def test_several_jobs_are_named_or_have_a_tag(shell: Shell, command: str, key: str) -> None:
    assert shell.text(command, "mail", "backup", "mail", "--for", "2h").splitlines() == [
        f"mail is {key}, ends 2026-03-01 14:00:00Z (in 2h).",
        f"backup is {key}, ends 2026-03-01 14:00:00Z (in 2h).",
    ]
    document = shell.json(command, "--tag", "db", "--for", "1h")
    assert [(job["id"], job[key]["until"][11:16]) for job in document["jobs"]] == [
        ("backup", "13:00"),
        ("vacuum", "13:00"),
    ]


@pytest.mark.parametrize("command", ["mute", "unmute", "pause", "resume"])
def test_of_several_jobs_none_is_touched_if_one_is_unknown(shell: Shell, command: str) -> None:
    ending = ["--for", "2h"] if command in ("mute", "pause") else []
    for wrong, reason in (
        (["backup", "ghost"], "there is no job ghost"),
        (["--tag", "nigth"], "no job has the tag nigth\nhint: did you mean night?"),
    ):
        result = shell.run(command, *wrong, *ending)
        assert result.exit_code == 2
        assert reason in result.stderr
    assert shell.ledger.count("overrides") == 0


def test_a_mute_needs_an_end(shell: Shell) -> None:
    result = shell.run("mute", "backup")
    assert result.exit_code == 64
    assert "a mute needs an end\nhint: say for how long, such as 2h" in result.stderr
    both = shell.run("mute", "backup", "--for", "2h", "--until", "3h")
    assert (both.exit_code, "two ends" in both.stderr) == (64, True)


@pytest.mark.parametrize("length", ["2026-03-02", "0s", "soon", "-1h", "100000d"])
def test_how_long_is_a_length_of_time(shell: Shell, length: str) -> None:
    result = shell.run("mute", "backup", "--for", length)
    assert result.exit_code == 64
    assert "--for" in result.stderr
    assert shell.ledger.count("overrides") == 0


def test_mute_and_unmute_leave_a_trace(shell: Shell) -> None:
    shell.text("mute", "backup", "--for", "2h", "--reason", "why not")
    shell.text("unmute", "backup")
    told = list(shell.ledger.conn.execute("SELECT actor, action, target, detail FROM audit ORDER BY id"))
    assert told == [("cli", "mute", "job backup", "why not"), ("cli", "unmute", "job backup", None)]
    assert shell.ledger.conn.execute("SELECT length_ms FROM overrides").get == 7_200_000
