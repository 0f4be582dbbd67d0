"""The days to come, played: what is shown, what it goes by, and what is refused. It is noon of 2026-03-01."""

from pathlib import Path

import pytest
from support.answers import faults
from support.cli import Shell, refused, words
from support.git_tree import git

from jeeves_runner.core.edge_spec import After, Need, OnChange
from jeeves_runner.core.model import CatchUp, OverlapPolicy, Retries
from jeeves_runner.core.schedule_entry import Every
from jeeves_runner.views.simulation import SimulationDocument


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def lines(shell: Shell, *options: str) -> list[str]:
    return [words(line) for line in shell.text("simulate", *options).splitlines()]


def told(shell: Shell, *options: str) -> list[tuple[str, str, str | None, str | None]]:
    """Job, status, scheduled time and start of each row, the times without their day."""
    found = shell.json("simulate", *options)
    assert faults(SimulationDocument, found) == []
    return [
        (run["job_id"], run["status"], _clock(run["scheduled_for"]), _clock(run["started_at"]))
        for run in found["occurrences"]
    ]


def _clock(text: str | None) -> str | None:
    return None if text is None else text[11:16]


def test_it_says_what_it_comes_to(shell: Shell) -> None:
    shell.config.write_text("timezone: UTC\nmax_concurrency: 1\n")
    shell.ledger.add_job("a", schedule=("0 13 * * *",))
    shell.ledger.add_job("b", schedule=("*/30 13 * * *",))
    found = lines(shell, "--for", "2h", "--duration", "a=45m")
    assert found[:5] == [
        "From 2026-03-01 12:00:00Z to 2026-03-01 14:00:00Z:",
        "2 starts, 1 skipped, 1 overlap.",
        "Most start in the minute of 2026-03-01 13:00:00Z: 1.",
        "The longest wait is that of b, due 2026-03-01 13:00:00Z: 45m, for limit.",
        "At once run at most 1 local (limit 1).",
    ]
    assert "b 1m 1 1 0 1 45m" in found
    assert found[-3:] == [
        "TIME JOB WHAT WHY",
        "2026-03-01 13:00:00Z b waits 45m limit",
        "2026-03-01 13:30:00Z b skipped overlap",
    ]


def test_of_what_ends_badly_a_late_start_is_told_too(shell: Shell) -> None:
    shell.config.write_text("timezone: UTC\nmax_concurrency: 1\n")
    shell.ledger.add_job("a", schedule=("0 13 * * *",), timeout_ms=600_000)
    shell.ledger.add_job("b", schedule=("0 13 * * *",), timeout_ms=600_000)
    found = lines(shell, "--for", "4h", "--duration", "20m", "--down", "30m..2h30m")
    assert found[-2:] == [
        "2026-03-01 13:00:00Z a caught up 1h 30m late, timeout -",
        "2026-03-01 13:00:00Z b caught up 1h 40m late, timeout limit",
    ]


def test_starts_are_shown_as_bars(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=("*/20 13 * * *",))
    chart = [line for line in lines(shell, "--for", "12h") if "█" in line]
    assert chart[0] == "03-01 13:00 █ █ █ 3"


def test_nothing_is_said_of_jobs_where_nothing_comes(shell: Shell) -> None:
    assert lines(shell)[1:] == ["0 starts, 0 overlaps.", "At once run at most 0 local (limit 4)."]


def test_a_run_takes_as_long_as_usual(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=("*/30 * * * *",))
    for minutes in (40, 50, 60):
        shell.ledger.add_run("a", duration_ms=minutes * 60_000)
    found = told(shell, "--for", "90m")
    assert [each for each in found if each[1] == "ok"] == [("a", "ok", "12:30", "12:30")]
    assert shell.json("simulate")["jobs"][0]["takes_from"] == "history"


def test_what_is_said_of_a_length_counts_more(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=("0 13 * * *",))
    shell.ledger.add_run("a", duration_ms=1000)
    (job,) = shell.json("simulate", "--duration", "a=5m", "--duration", "9m")["jobs"]
    assert (job["takes_ms"], job["takes_from"]) == (300_000, "asked")


def test_what_is_not_known_is_not_taken_to_run_into_its_timeout(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=("0 13 * * *",), timeout_ms=30_000)
    shell.ledger.add_job("b", schedule=("0 13 * * *",))
    assert [(job["takes_ms"], job["takes_from"]) for job in shell.json("simulate")["jobs"]] == [
        (30_000, "unknown"),
        (60_000, "unknown"),
    ]
    assert [run[1] for run in told(shell, "--for", "2h")] == ["ok", "ok"]
    assert "last 1m or up to their timeout;" in shell.text("simulate")
    (job, _) = shell.json("simulate", "--duration", "5m")["jobs"]
    assert job["takes_ms"] == 300_000


def test_now_is_with_what_runs_and_waits(shell: Shell) -> None:
    shell.config.write_text("timezone: UTC\nmax_concurrency: 1\n")
    shell.ledger.add_job("a", schedule=("0 13 * * *",))
    shell.ledger.add_job("b")
    shell.ledger.add_run("b", "running", started_at="2026-03-01T11:30:00.000Z")
    found = told(shell, "--duration", "b=2h", "--for", "3h")
    assert found == [("b", "ok", None, "11:30"), ("a", "ok", "13:00", "13:30")]


def test_another_time_begins_with_nothing(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=("0 13 * * *",))
    shell.ledger.add_run("a", "running")
    assert told(shell, "--from", "2026-01-02T13:00", "--for", "2h") == [("a", "ok", "13:00", "13:00")]


def test_a_time_without_a_server(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=("0 * * * *",), catch_up=CatchUp.ALL)
    shell.ledger.add_job("b", schedule=("0 13 * * *",), retries=Retries(limit=1, on=("interrupted",)))
    found = told(shell, "--for", "4h", "--duration", "30m", "--down", "75m..150m")
    assert found == [
        ("a", "interrupted", "13:00", "13:00"),
        ("b", "interrupted", "13:00", "13:00"),
        ("b", "ok", "13:00", "14:30"),
        ("a", "ok", "14:00", "14:30"),
        ("a", "ok", "15:00", "15:00"),
        ("a", "running", "16:00", "16:00"),
    ]


def test_a_pause_holds(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=("0 * * * *",))
    shell.ledger.pause("a", until=shell.ledger.at(hours=-2.5))
    assert told(shell, "--for", "200m") == [("a", "skipped", "13:00", None), ("a", "ok", "15:00", "15:00")]


def test_a_disabled_job_does_not_run(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=("0 * * * *",), enabled=False)
    assert told(shell) == []


def test_the_manifests_of_a_folder(shell: Shell) -> None:
    """No database is needed for them."""
    folder = shell.folder / "new"
    folder.mkdir()
    (folder / "a.yaml").write_text("schedule: '0 13 * * *'\nrun: 'true'\n")
    assert told(shell, "--jobs", str(folder)) == [("a", "ok", "13:00", "13:00")]


def test_a_job_that_they_rename_keeps_its_times_its_pause_and_its_length(shell: Shell) -> None:
    for name in "ab":
        shell.ledger.add_job(name, schedule=("H H * * *",))
    shell.ledger.add_run("a", "ok", duration_ms=600_000)
    shell.ledger.pause("b")
    live = shell.json("simulate")
    folder = shell.folder / "new"
    folder.mkdir()
    for old, new in ("ac", "bd"):
        (folder / f"{new}.yaml").write_text(f"renamed_from: {old}\nschedule: H H * * *\nrun: 'true'\n")
    played = shell.json("simulate", "--jobs", str(folder))
    times = [[run["scheduled_for"] for run in found["occurrences"]] for found in (live, played)]
    assert times[0] == times[1] != []
    assert [job["takes_ms"] for job in played["jobs"] if job["job_id"] == "c"] == [600_000]
    assert {run["job_id"]: run["status"] for run in played["occurrences"]} == {"c": "ok", "d": "skipped"}


def test_a_job_that_was_renamed_is_played_by_its_namespace_and_checked_by_it(shell: Shell) -> None:
    """The minute of `backup` is 4 by ``H``, and that of `copy` 53."""
    folder = shell.folder / "jobs.d"
    folder.mkdir()
    text = 'schedule: "H * * * *"\nrun: x\ntimeout: 1m\n'
    (folder / "backup.yaml").write_text(text)
    shell.text("apply")
    (folder / "backup.yaml").unlink()
    (folder / "copy.yaml").write_text(f"renamed_from: backup\n{text}")
    shell.text("apply")
    (folder / "copy.yaml").write_text(f'{text}exclude: ["53 * * * *"]\n')
    played = [job[:3] for job in told(shell, "--jobs", str(folder))]
    assert played[:2] == [("copy", "ok", "12:04"), ("copy", "ok", "13:04")]
    assert played == [job[:3] for job in told(shell)]
    (folder / "copy.yaml").write_text(f'{text}exclude: ["4 * * * *"]\n')
    refused(shell.run("simulate", "--jobs", str(folder)), "copy.yaml")


def test_the_manifests_of_a_commit(shell: Shell) -> None:
    folder = shell.folder / "jobs.d"
    folder.mkdir()
    (folder / "a.yaml").write_text("schedule: '0 13 * * *'\nrun: 'true'\n")
    git(shell.folder, "init", "-q", "-b", "main")
    git(shell.folder, "add", "jobs.d")
    git(shell.folder, "commit", "-qm", "Declare a job")
    (folder / "a.yaml").unlink()
    assert told(shell, "--against", "main") == [("a", "ok", "13:00", "13:00")]


def test_a_broken_manifest_is_not_played(shell: Shell) -> None:
    folder = shell.folder / "new"
    folder.mkdir()
    (folder / "a.yaml").write_text("schedule: '0 25 * * *'\nrun: 'true'\n")
    refused(shell.run("simulate", "--jobs", str(folder)), "new/a.yaml:1:")


def test_runs_of_all_policies_are_told_apart(shell: Shell) -> None:
    for policy in OverlapPolicy:
        shell.ledger.add_job(policy.value, schedule=("0,20 13 * * *",), overlap_policy=policy)
    shell.config.write_text("timezone: UTC\nmax_concurrency: 9\n")
    found = {(job, when): status for job, status, when, _ in told(shell, "--for", "2h", "--duration", "30m")}
    assert found == {
        ("allow", "13:00"): "ok",
        ("allow", "13:20"): "ok",
        ("queue", "13:00"): "ok",
        ("queue", "13:20"): "ok",
        ("replace", "13:00"): "cancelled",
        ("replace", "13:20"): "ok",
        ("skip", "13:00"): "ok",
        ("skip", "13:20"): "skipped",
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--to", "2026-03-01T13:00", "--for", "1h"), "--to and --for are two ends"),
        (("--to", "2026-01-01"), "--to lies before the beginning"),
        (("--for", "400d"), "at most 366 days can be played at once"),
        (("--from", "9999-01-01", "--for", "1d"), "what runs is played in the years 1900 to 9000"),
        (("--down", "1h"), "--down takes two times with `..` between them"),
        (("--down", "3h..2h"), "--down must lie between the beginning and the end"),
        (("--down", "2h..30h"), "--down must lie between the beginning and the end"),
        (("--duration", "long"), "--duration takes a length of time, or JOB=LENGTH, and not long"),
        (("--duration", "other=5m"), "--duration names other, which is none of the jobs"),
        (("--jobs", "nowhere"), "--jobs: nowhere is no folder"),
        (("--jobs", ".", "--against", "main"), "--jobs and --against both say which jobs to play"),
    ],
)
def test_what_makes_no_sense_is_refused(shell: Shell, options: tuple[str, ...], message: str) -> None:
    result = shell.run("simulate", *options)
    assert result.exit_code in (2, 64)
    assert message in result.stderr


def test_more_than_can_be_kept_is_refused_before_it_is_played(shell: Shell) -> None:
    shell.ledger.add_job("often", schedule=(Every("1s"),), timeout_ms=1000)
    assert shell.run("simulate", "--for", "1h").exit_code == 0
    result = shell.run("simulate", "--for", "7d")
    assert result.exit_code == 64
    assert "more than 500,000 occurrences; often was the job too many" in result.stderr
    assert "choose a nearer --to" in result.stderr


def test_jobs_that_follow_are_played_and_those_of_queues_and_files_named(shell: Shell) -> None:
    shell.ledger.add_job("first", schedule=("0 13 * * *",))
    shell.ledger.add_job("next", after=After(("first",)))
    shell.ledger.add_job("needy", schedule=("30 13 * * *",), needs=(Need("first", 1_800_000),))
    shell.ledger.add_job("by-files", on_change=OnChange(("data/*",)))
    assert told(shell, "--for", "2h") == [
        ("first", "ok", "13:00", "13:00"),
        ("next", "ok", "13:00", "13:01"),
        ("needy", "ok", "13:30", "13:30"),
    ]
    assert shell.json("simulate", "--for", "2h")["unforeseen"] == ["by-files"]
    assert lines(shell, "--for", "2h")[-1].count("by-files") == 0
    (said,) = (line for line in lines(shell, "--for", "2h") if "by-files" in line)
    assert said.endswith("is not known; such runs are not played: by-files.")
