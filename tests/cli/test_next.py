"""What comes next, from any time on, or why nothing does."""

from datetime import timedelta
from pathlib import Path

import pytest
from support.cli import Shell, words

from jeeves_runner.core.schedule_entry import At


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_next_tells_the_time_on_the_clocks_of_the_person_who_looks(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    shell.ledger.add_job("a", schedule=("0 * * * *",))
    lines = [words(line) for line in shell.text("next", "--count", "2").splitlines()]
    assert lines == [
        "TIME (+09:00) WHEN JOB",
        "2026-03-01 22:00:00 in 1h a",
        "2026-03-01 23:00:00 in 2h a",
    ]


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("2h", "2026-03-01T14:00:00.000Z"),
        ("-90m", "2026-03-01T11:00:00.000Z"),
        ("now", "2026-03-01T12:00:00.000Z"),
        ("2026-03-05", "2026-03-05T00:00:00.000Z"),
        ("2026-03-05T01:30+01:00", "2026-03-05T01:00:00.000Z"),
        ("2025-07-01T08:00Z", "2025-07-01T08:00:00.000Z"),
        ("0001-01-01", "0010-01-01T01:00:00.000Z"),
    ],
)
def test_next_looks_from_any_time_on(shell: Shell, start: str, first: str) -> None:
    shell.ledger.add_job("a", schedule=("0 * * * *",))
    (found,) = shell.json("next", "a", "--from", start, "--count", "1")["occurrences"]
    assert (found["job_id"], found["scheduled_for"]) == ("a", first)


@pytest.mark.parametrize("end", [("--to", "14:00"), ("--for", "2h")])
def test_next_looks_up_to_an_end(shell: Shell, end: tuple[str, str]) -> None:
    shell.ledger.add_job("a", schedule=("*/5 * * * *",))
    end = (end[0], end[1] if end[0] == "--for" else f"2026-03-01T{end[1]}Z")
    found = [each["scheduled_for"] for each in shell.json("next", *end)["occurrences"]]
    assert (len(found), found[0], found[-1]) == (24, "2026-03-01T12:05:00.000Z", "2026-03-01T14:00:00.000Z")
    assert shell.text("next", *end, "--count", "3").splitlines()[-1] == "More may follow: see --count."


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--to", "2h", "--for", "2h"), "--to and --for are two ends"),
        (("--from", "2h", "--to", "1h"), "--to lies before the beginning"),
        (("--for", "0s"), "--for must be longer than nothing"),
    ],
)
def test_next_refuses_an_end_that_is_none(shell: Shell, words: tuple[str, ...], message: str) -> None:
    result = shell.run("next", *words)
    assert result.exit_code == 64
    assert message in result.stderr


def test_next_tells_of_the_past_what_has_become_of_it(shell: Shell) -> None:
    ledger = shell.ledger
    ledger.add_job("a", schedule=("0 * * * *",))
    ledger.add_run("a", "missed", trigger="catch_up", reason="late", scheduled_for="2026-03-01T08:00:00.000Z",
                   last_for="2026-03-01T09:00:00.000Z", occurrences=2)  # fmt: skip
    ledger.add_run("a", "error", trigger="schedule", scheduled_for="2026-03-01T10:00:00.000Z")
    ledger.add_run(
        "a", "ok", trigger="retry", scheduled_for="2026-03-01T10:00:00.000Z", chain_id=2, attempt=2
    )
    ledger.add_run("a", "ok", scheduled_for="2026-03-01T11:00:00.000Z")  # by hand: it is no occurrence
    lines = [words(line) for line in shell.text("next", "--from", "-5h", "--for", "6h").splitlines()]
    assert lines == [
        "TIME (UTC) WHEN JOB RUN STATUS",
        "2026-03-01 07:00:00 5h ago a - -",
        "2026-03-01 08:00:00 4h ago a 1 missed (late)",
        "2026-03-01 09:00:00 3h ago a 1 missed (late)",
        "2026-03-01 10:00:00 2h ago a 3 ok",
        "2026-03-01 11:00:00 1h ago a - -",
        "2026-03-01 12:00:00 now a - -",
        "2026-03-01 13:00:00 in 1h a - -",
        "",
        "Times that have passed are by the schedules of now; -: no run of them is recorded.",
    ]


def test_what_a_pause_covers_is_left_out_of_what_comes_and_not_of_what_came(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=("0 * * * *",))
    shell.ledger.pause("a")
    found = shell.json("next", "--from", "-2h", "--for", "9h")["occurrences"]
    assert [each["scheduled_for"][11:16] for each in found] == ["10:00", "11:00", "12:00"]


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
    assert shell.text("next", *late) == "Nothing is scheduled from 9999-12-31 00:00:00Z on.\n"
    answer = (
        "a has no occurrence from 9999-12-31 00:00:00Z on; its last one before is at 9990-01-01 00:00:00Z.\n"
    )
    assert shell.text("next", "a", *late) == answer
    answer = "Nothing is scheduled from 2026-03-01 12:30:00Z to 2026-03-01 12:50:00Z.\n"
    assert shell.text("next", "--from", "30m", "--for", "20m") == answer


def test_next_says_that_the_only_time_is_skipped(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=(At("2026-03-02T08:00"),))
    assert shell.run("skip", "a").exit_code == 0
    answer = "a has no occurrence any more but that of 2026-03-02 08:00:00Z, which is skipped.\n"
    assert shell.text("next", "a") == answer
    assert "its last one before" not in shell.text("next", "a", "--for", "30d")
    assert shell.text("next", "a", "--for", "1h").endswith("13:00:00Z, nor had it one before.\n")


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({}, "a has no schedule; it runs when triggered."),
        ({"on_start": True}, "a has no schedule; it runs when triggered and when a server starts."),
        ({"schedule": ("0 * * * *",), "enabled": False}, "a is declared `enabled: false` in jobs.d/a.yaml."),
        (
            {"schedule": (At("2026-02-01T08:00"),)},
            "a has no occurrence any more; its last one before is at 2026-02-01 08:00:00Z.",
        ),
    ],
)
def test_next_says_why_a_job_has_none(shell: Shell, fields: dict[str, object], answer: str) -> None:
    shell.ledger.add_job("a", **fields)
    assert shell.text("next", "a") == f"{answer}\n"


def test_next_of_a_job_says_what_is_left_out(shell: Shell) -> None:
    ledger = shell.ledger
    ledger.add_job("a", schedule=("0 * * * *",))
    assert shell.run("skip", "a", "15:00").exit_code == 0
    ledger.pause("a", ledger.now + timedelta(hours=2))
    lines = [words(line) for line in shell.text("next", "a", "--count", "2").splitlines()]
    assert lines == [
        "TIME (UTC) WHEN JOB",
        "2026-03-01 14:00:00 in 2h a",
        "2026-03-01 16:00:00 in 4h a",
        "a is paused until 2026-03-01 14:00:00Z: what is due before is left out.",
        "That of 2026-03-01 15:00:00Z is skipped, and left out.",
    ]
    assert len(shell.text("next", "a", "--from", "2026-03-01T14:00", "--for", "30m").splitlines()) == 2


def test_next_says_that_a_pause_leaves_all_of_a_span_out(shell: Shell) -> None:
    ledger = shell.ledger
    ledger.add_job("a", schedule=("0 * * * *",))
    ledger.pause("a", ledger.now + timedelta(hours=5))
    paused = "a is paused until 2026-03-01 17:00:00Z.\n"
    assert shell.text("next", "a", "--for", "2h") == paused
    assert shell.text("next", "a", "--for", "30m").startswith("a has no occurrence to 2026-03-01 12:30:00Z;")
    ledger.pause(None)
    assert shell.text("next") == "Nothing is scheduled; all jobs are paused until resumed.\n"
