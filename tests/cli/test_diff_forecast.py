"""``diff`` says what its changes do to the days to come."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.cli import Shell
from support.docs import ROOT

NIGHTLY = 'schedule: "0 2 * * *"\ntimezone: Europe/Berlin\nrun: echo\ntimeout: 1m\n'
GUIDE = ROOT / "docs" / "how-to" / "review-a-change.md"
OTHER = 'schedule: "0 1 * * *"\nrun: echo\ntimeout: 1m\n'


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """It is noon of 2026-03-01; clocks are shifted on the 29th."""
    (tmp_path / "jobs.d").mkdir()
    shell = Shell(tmp_path)
    write(shell, "nightly.yaml", NIGHTLY)
    write(shell, "other.yaml", OTHER)
    shell.text("apply")
    return shell


def write(shell: Shell, name: str, text: str) -> None:
    (shell.folder / "jobs.d" / name).write_text(text)


def forecast(shell: Shell, *words: str) -> Any:
    return json.loads(shell.run("diff", *words, "--json").stdout)["forecast"]


def test_it_tells_what_is_lost_and_gained_and_the_worst_minute(shell: Shell) -> None:
    write(shell, "nightly.yaml", NIGHTLY.replace("0 2", "30 2"))
    result = shell.run("diff")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 7
    assert f"```text\n{result.stdout}```" in GUIDE.read_text()


def test_the_worst_minute_is_told_on_the_clocks_of_the_config(shell: Shell) -> None:
    shell.config.write_text("timezone: Europe/Berlin\n")
    write(shell, "nightly.yaml", NIGHTLY.replace("0 2", "30 2"))
    for form in ("text", "markdown"):
        shown = shell.run("diff", "--format", form).stdout
        assert "7 days: 1 (2026-03-02 01:00:00+01:00), before 2 (2026-03-02 02:00:00+01:00)." in shown, shown


def test_with_utc_all_times_are_those_of_utc(shell: Shell) -> None:
    shell.config.write_text("timezone: Europe/Berlin\n")
    write(shell, "nightly.yaml", NIGHTLY.replace("0 2", "30 2"))
    for form in ("text", "markdown"):
        shown = shell.run("diff", "--utc", "--format", form).stdout
        assert "lost (first 2026-03-02 01:00:00Z), 7 gained (first 2026-03-02 01:30:00Z)" in shown
        assert "7 days: 1 (2026-03-02 00:00:00Z), before 2 (2026-03-02 01:00:00Z)." in shown


def test_the_document_carries_all_of_it(shell: Shell) -> None:
    (shell.folder / "jobs.d" / "nightly.yaml").unlink()
    assert forecast(shell) == {
        "since": "2026-03-01T12:00:00.000Z",
        "until": "2026-03-08T12:00:00.000Z",
        "jobs": [
            {
                "job_id": "nightly",
                "timezone": "Europe/Berlin",
                "lost": 7,
                "gained": 0,
                "first_lost": [f"2026-03-0{day}T01:00:00.000Z" for day in (2, 3, 4)],
                "first_gained": [],
                "nights": [],
            }
        ],
        "more": 0,
        "peak": {
            "before": {"minute": "2026-03-02T01:00:00.000Z", "starts": 2},
            "after": {"minute": "2026-03-02T01:00:00.000Z", "starts": 1},
        },
    }


def test_what_changes_no_times_has_nothing_of_them(shell: Shell) -> None:
    write(shell, "nightly.yaml", NIGHTLY.replace("echo", "echo more"))
    shown = shell.run("diff").stdout
    assert "next 7 days" not in shown
    assert (forecast(shell)["jobs"], forecast(shell)["peak"]) == ([], None)


@pytest.mark.parametrize(
    "change", ["enabled: false\n", 'exclude: ["2026-03-01..2026-03-31"]\n', "timezone: Asia/Tokyo\n"]
)
def test_all_that_decides_on_times_counts(shell: Shell, change: str) -> None:
    write(shell, "other.yaml", OTHER + change)
    (job,) = forecast(shell)["jobs"]
    assert (job["job_id"], job["lost"]) == ("other", 7)


def test_a_job_that_comes_back_is_gained(shell: Shell) -> None:
    (shell.folder / "jobs.d" / "other.yaml").unlink()
    shell.text("apply", "--allow-deletes", "1")
    write(shell, "other.yaml", OTHER)
    (job,) = forecast(shell)["jobs"]
    assert (job["lost"], job["gained"]) == (0, 7)


def test_against_nothing_all_is_gained(shell: Shell) -> None:
    found = forecast(shell, "--against", "empty")
    assert [(job["job_id"], job["gained"]) for job in found["jobs"]] == [("nightly", 7), ("other", 7)]
    assert found["peak"]["before"] is None


def test_spread_times_keep_their_namespace(shell: Shell) -> None:
    write(shell, "other.yaml", OTHER.replace("0 1", "H H"))
    shell.text("apply")
    coming = shell.json("next", "other", "--count", "1")["occurrences"][0]["scheduled_for"]
    (shell.folder / "jobs.d" / "other.yaml").unlink()
    (job,) = forecast(shell)["jobs"]
    assert job["first_lost"][0] == coming
