"""``skip`` and ``unskip``, with a server and without one: of the next time, of a named one, of a tag."""

from pathlib import Path

import pytest
from support.cli import Shell, refused, words
from support.ledger import Ledger

from jeeves_runner.core.schedule_entry import At

HOURLY = ("0 * * * *",)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.ledger.add_job("backup", schedule=HOURLY, tags=("db",))
    return shell


def skips(shell: Shell, job_id: str = "backup") -> list[tuple[str, str | None]]:
    return [
        (each["scheduled_for"][8:16], each["reason"]) for each in shell.json("job", job_id)["job"]["skips"]
    ]


def coming(shell: Shell, job_id: str = "backup") -> list[str]:
    return [
        each["scheduled_for"][11:16] for each in shell.json("next", job_id, "--count", "3")["occurrences"]
    ]


def test_the_next_time_is_skipped_and_taken_back(shell: Shell) -> None:
    assert shell.text("skip", "backup", "--reason", "moving {disks}") == (
        "backup skips 2026-03-01 13:00:00Z (in 1h): moving {disks}.\n"
    )
    job = shell.json("job", "backup")["job"]
    assert job["skips"] == [
        {"scheduled_for": "2026-03-01T13:00:00.000Z", "reason": "moving {disks}", "is_occurrence": True}
    ]
    assert (job["next_run"], job["enabled"]) == ("2026-03-01T14:00:00.000Z", True)
    assert coming(shell) == ["14:00", "15:00", "16:00"]
    assert shell.text("unskip", "backup") == "backup does not skip 2026-03-01 13:00:00Z (in 1h) any more.\n"
    assert coming(shell) == ["13:00", "14:00", "15:00"]
    assert shell.text("unskip", "backup") == "backup skips nothing.\n"


def test_skipped_again_it_is_the_next_one_that_would_run(shell: Shell) -> None:
    shell.text("skip", "backup")
    shell.text("skip", "backup", "--reason", "two")
    assert skips(shell) == [("01T13:00", None), ("01T14:00", "two")]
    assert coming(shell) == ["15:00", "16:00", "17:00"]


def test_a_named_time_is_skipped_once_with_its_last_reason(shell: Shell) -> None:
    for reason in ("one", "two"):
        shell.text("skip", "backup", "2026-03-02T05:00", "--reason", reason)
    assert skips(shell) == [("02T05:00", "two")]
    shell.text("skip", "backup", "2026-03-02T06:00Z")
    assert shell.text("unskip", "backup", "2026-03-02T05:00") == (
        "backup does not skip 2026-03-02 05:00:00Z (in 17h) any more.\n"
    )
    assert skips(shell) == [("02T06:00", None)]
    result = shell.run("unskip", "backup", "2026-03-02T05:00")
    refused(result, "backup does not skip 2026-03-02T05:00")
    refused(result, "hint: it skips 2026-03-02T06:00:00Z")


def test_a_skip_shows_wherever_a_pause_shows(shell: Shell) -> None:
    shell.text("skip", "backup", "--reason", "moving")
    shell.text("skip", "backup")
    first = "skips 2026-03-01 13:00:00Z (in 1h): moving; 1 more"
    assert first in words(shell.text("jobs"))
    told = words(shell.text("job", "backup"))
    assert "skips 2026-03-01 13:00:00Z (in 1h): moving skips 2026-03-01 14:00:00Z (in 2h)" in told
    row = f"skips backup {first}; `jeeves-runner unskip backup` ends it"
    assert row in words(shell.text("status"))


def test_a_time_is_on_the_clocks_of_the_job(shell: Shell) -> None:
    shell.ledger.add_job("berlin", schedule=("30 2 * * *",), timezone="Europe/Berlin")
    assert shell.text("skip", "berlin", "2026-03-02T02:30") == (
        "berlin skips 2026-03-02 02:30:00+01:00 (in 13h 30m).\n"
    )
    assert shell.text("skip", "berlin", "2026-03-29T02:30") == (
        "berlin skips 2026-03-29 03:00:00+02:00 (in 27d 13h).\n"  # which did not exist
    )
    shell.ledger.add_job("often", schedule=("30 * * * *",), timezone="Europe/Berlin")
    result = shell.run("skip", "often", "2026-03-29T02:30")
    refused(result, "often has no occurrence at 2026-03-29T03:00:00+02:00")
    refused(result, "the nearest are 2026-03-29T01:30:00+01:00 and 2026-03-29T03:30:00+02:00")
    for _ in range(2):  # it comes twice, and the first one is skipped
        shell.text("skip", "often", "2026-10-25T02:30")
    assert skips(shell, "often") == [("25T00:30", None)]
    shell.text("skip", "often", "2026-10-25T02:30+01:00")
    assert skips(shell, "often") == [("25T00:30", None), ("25T01:30", None)]


def test_a_time_of_today_is_named_by_its_hour_and_minute(shell: Shell) -> None:
    shell.ledger.add_job("every", schedule=("15/15 0 * * * *",))
    assert shell.text("skip", "every", "14:00") == "every skips 2026-03-01 14:00:15Z (in 2h).\n"
    refused(shell.run("skip", "every", "14:00:00"), "every has no occurrence at 2026-03-01T14:00:00Z")
    assert shell.text("unskip", "every", "14:00") == (
        "every does not skip 2026-03-01 14:00:15Z (in 2h) any more.\n"
    )


@pytest.mark.parametrize(
    ("time", "message", "hint"),
    [
        ("2026-03-02T05:10", "backup has no occurrence at 2026-03-02T05:10:00Z",
         "the nearest are 2026-03-02T05:00:00Z and 2026-03-02T06:00:00Z"),
        ("2026-03-01T05:00", "the occurrence of backup at 2026-03-01T05:00:00Z is over",
         "the nearest is 2026-03-01T13:00:00Z"),
        ("90m", "backup has no occurrence at 2026-03-01T13:30:00Z", None),
    ],
)  # fmt: skip
def test_what_is_no_coming_occurrence_is_refused_and_the_nearest_are_named(
    shell: Shell, time: str, message: str, hint: str | None
) -> None:
    result = shell.run("skip", "backup", time)
    refused(result, message)
    if hint is not None:
        refused(result, f"hint: {hint}")
    assert shell.ledger.count("overrides") == 0


def test_a_job_to_which_nothing_comes_has_nothing_to_skip(shell: Shell) -> None:
    ledger = shell.ledger
    ledger.add_job("by-hand")
    ledger.add_job("off", schedule=HOURLY, enabled=False)
    ledger.pause("backup")
    refused(shell.run("skip", "by-hand"), "by-hand does not occur: it has no schedule")
    refused(shell.run("skip", "off"), "off does not occur: jobs.d/off.yaml:")
    refused(shell.run("skip", "backup"), "backup is paused until resumed")
    refused(shell.run("skip", "ghost"), "there is no job ghost")
    assert ledger.count("overrides", "kind = 'skip'") == 0
    shell.text("skip", "backup", "2026-03-02T05:00")  # it may be resumed before
    assert skips(shell) == [("02T05:00", None)]


def test_of_a_paused_job_the_first_time_after_the_pause_is_skipped(shell: Shell) -> None:
    shell.text("pause", "backup", "--until", "2026-03-01T15:00")
    shell.text("skip", "backup")
    assert skips(shell) == [("01T15:00", None)]
    assert shell.json("job", "backup")["job"]["next_run"] == "2026-03-01T16:00:00.000Z"


def test_of_a_job_that_is_paused_for_all_that_comes_that_is_said(shell: Shell) -> None:
    shell.ledger.add_job("once", schedule=(At("2026-03-02T08:00"),))
    shell.text("pause", "once", "--until", "2026-04-01")
    refused(shell.run("skip", "once"), "once is paused until 2026-04-01T00:00:00Z, and no occurrence comes")


@pytest.mark.parametrize("named", [(), ("backup", "1", "2"), ("--tag", "db", "1", "2")])
def test_one_job_and_one_time_are_named(shell: Shell, named: tuple[str, ...]) -> None:
    for command in ("skip", "unskip"):
        refused(shell.run(command, *named), "name one job, or --tag, and one time at most", code=64)
    refused(shell.run("skip", "backup", "soon"), "neither a time nor a length of time: soon", code=64)


# A tag


def tagged(ledger: Ledger) -> None:
    ledger.add_job("vacuum", schedule=("30 * * * *",), tags=("db", "night"))
    ledger.add_job("by-hand", tags=("db",))


def test_of_a_tag_each_job_skips_its_next_time_and_the_others_say_why_not(shell: Shell) -> None:
    tagged(shell.ledger)
    assert shell.text("skip", "--tag", "db", "--reason", "x").splitlines() == [
        "backup skips 2026-03-01 13:00:00Z (in 1h): x.",
        "by-hand does not occur: it has no schedule.",
        "vacuum skips 2026-03-01 12:30:00Z (in 30m): x.",
    ]
    document = shell.json("skip", "--tag", "db", "2026-03-01T14:30")
    assert [(job["id"], len(job["skips"])) for job in document["jobs"]] == [
        ("backup", 1),
        ("by-hand", 0),
        ("vacuum", 2),
    ]
    assert shell.text("unskip", "--tag", "db").splitlines() == [
        "backup does not skip 2026-03-01 13:00:00Z (in 1h) any more.",
        "by-hand skips nothing.",
        "vacuum does not skip 2026-03-01 12:30:00Z (in 30m) any more.",
        "vacuum does not skip 2026-03-01 14:30:00Z (in 2h 30m) any more.",
    ]


def test_of_a_tag_none_is_skipped_if_one_has_begun(shell: Shell) -> None:
    ledger = shell.ledger
    tagged(ledger)
    ledger.add_job("mail", schedule=HOURLY, tags=("db",))
    run = ledger.add_run("mail", "running", trigger="schedule", scheduled_for="2026-03-01T13:00:00.000Z")
    result = shell.run("skip", "--tag", "db", "2026-03-01T13:00")
    refused(result, f"mail: the occurrence of mail at 2026-03-01T13:00:00Z has its run {run}, which runs")
    refused(result, "nothing is skipped: 1 of 4 jobs refuses")
    refused(result, f"hint: end it with `jeeves-runner cancel {run}`")
    assert ledger.count("overrides") == 0


def test_of_a_tag_whose_jobs_have_nothing_to_skip_that_is_said(shell: Shell) -> None:
    tagged(shell.ledger)
    result = shell.run("skip", "--tag", "db", "2026-03-01T13:17")
    refused(result, "nothing is skipped: no job with the tag db occurs then")
    refused(result, "vacuum has no occurrence at 2026-03-01T13:17:00Z")
    refused(shell.run("unskip", "--tag", "db", "2026-03-01T13:30"), "no job with the tag db skips that")
    refused(shell.run("skip", "--tag", "bd"), "no job has the tag bd")


# What remains of it


def test_a_skip_whose_time_is_no_occurrence_any_more_is_listed_as_such_and_expires(shell: Shell) -> None:
    ledger = shell.ledger
    shell.text("skip", "backup", "2026-03-01T15:00")
    ledger.clock.advance(hours=1)
    ledger.add_job("backup", schedule=("30 * * * *",))
    told = "skips 2026-03-01 15:00:00Z (in 2h), at which it does not occur any more"
    assert told in words(shell.text("jobs"))
    assert shell.json("job", "backup")["job"]["skips"][0]["is_occurrence"] is False
    assert shell.json("job", "backup")["job"]["next_run"] == "2026-03-01T13:30:00.000Z"
    ledger.clock.advance(hours=2)
    assert skips(shell) == []


def test_a_skip_of_a_time_that_passes_without_a_server_stays_until_it_is_decided_about(shell: Shell) -> None:
    shell.text("skip", "backup")
    shell.ledger.clock.advance(hours=2)
    assert skips(shell) == [("01T13:00", None)]
    shell.ledger.conn.execute("UPDATE jobs SET decided_until = '2026-03-01T13:00:00.000Z'")
    assert skips(shell) == []


def test_skip_and_unskip_leave_a_trace(shell: Shell) -> None:
    shell.text("skip", "backup", "--reason", "why not")
    shell.text("unskip", "backup")
    told = list(shell.ledger.conn.execute("SELECT actor, action, target, detail FROM audit ORDER BY id"))
    at = "2026-03-01T13:00:00.000Z"
    assert told == [("cli", "skip", "job backup", f"{at}: why not"), ("cli", "unskip", "job backup", at)]
