"""What comes next, from any time on, or why nothing does."""

from pathlib import Path

import pytest
from support.cli import Shell, words


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_next_tells_the_time_on_the_projects_clocks(shell: Shell) -> None:
    shell.config.write_text("timezone: Asia/Tokyo\n")
    shell.ledger.add_job("a", schedule=("0 * * * *",))
    lines = [words(line) for line in shell.text("next", "--count", "2").splitlines()]
    assert lines == [
        "TIME WHEN JOB",
        "2026-03-01 22:00:00+09:00 in 1h a",
        "2026-03-01 23:00:00+09:00 in 2h a",
    ]


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("2h", "2026-03-01T15:00:00.000Z"),
        ("2026-03-05", "2026-03-05T01:00:00.000Z"),
        ("2026-03-05T01:30+01:00", "2026-03-05T01:00:00.000Z"),
    ],
)
def test_next_looks_from_any_time(shell: Shell, start: str, first: str) -> None:
    shell.ledger.add_job("a", schedule=("0 * * * *",))
    found = shell.json("next", "a", "--from", start, "--count", "1")
    assert found == {"occurrences": [{"job_id": "a", "scheduled_for": first}]}


def test_next_refuses_what_is_no_time(shell: Shell) -> None:
    result = shell.run("next", "--from", "tomorrow")
    assert result.exit_code == 64
    assert "--from is neither a time nor a length of time: tomorrow" in result.stderr


def test_next_says_what_is_wrong_with_a_length_of_time(shell: Shell) -> None:
    for start, fault in (
        ("10000d", "is more than ten years"),
        ("99999999999d", "is more than ten years"),
        ("5m7d", "units go from large to small"),
    ):
        result = shell.run("next", "--from", start)
        assert result.exit_code == 64
        assert result.stderr.startswith(f'jeeves-runner: error: --from: "{start}" ')
        assert fault in result.stderr


def test_next_says_after_which_time_nothing_comes(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=("0 * * * *",))
    late = ("--from", "9999-12-31")
    assert shell.text("next", *late) == "Nothing is scheduled after 9999-12-31 00:00:00Z.\n"
    assert shell.text("next", "a", *late) == "a has no occurrence after 9999-12-31 00:00:00Z.\n"


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({}, "a has no schedule; it runs when triggered."),
        ({"schedule": ("0 * * * *",), "enabled": False}, "a is declared `enabled: false` in jobs.d/a.yaml."),
    ],
)
def test_next_says_why_a_job_has_none(shell: Shell, fields: dict[str, object], answer: str) -> None:
    shell.ledger.add_job("a", **fields)
    assert shell.text("next", "a") == f"{answer}\n"
