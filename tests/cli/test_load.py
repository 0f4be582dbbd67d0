"""How many start in each minute: the chart, the worst minute, and what ``H`` would spread."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.cli import Shell, refused, words

from jeeves_runner.cli.load_chart import BLOCKS, PLAIN, load_chart

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def chart(load: dict[datetime, int], begin: datetime, end: datetime, zone: str = "UTC") -> list[str]:
    return list(load_chart(load, begin, end, ZoneInfo(zone)))


def test_each_line_is_an_hour_and_each_column_a_minute() -> None:
    minute = timedelta(minutes=1)
    load = {BEGIN + 30 * minute: 1, BEGIN + 45 * minute: 8, BEGIN + HOUR: 4}
    assert chart(load, BEGIN + 30 * minute, BEGIN + HOUR + minute) == [
        "            :00       :10       :20       :30       :40       :50",
        "03-01 12:00 " + " " * 30 + "▁" + " " * 14 + "█" + " " * 14 + " 9",
        "03-01 13:00 ▄" + " " * 59 + " 4",
        "",
        "Each column is a minute; at the right stand all starts.",
        "▁ is 1, █ is 8.",
    ]


def test_of_several_days_each_line_is_one() -> None:
    load = {BEGIN: 3, BEGIN + timedelta(minutes=29): 5, BEGIN + timedelta(days=2): 41}
    assert chart(load, BEGIN, BEGIN + timedelta(days=3))[1:7] == [
        "Sun 03-01 " + " " * 24 + "▁" + " " * 23 + " 8",
        "Mon 03-02 " + " " * 48 + " 0",
        "Tue 03-03 " + " " * 24 + "█" + " " * 23 + " 41",
        "Wed 03-04 " + " " * 48 + " 0",
        "",
        "Each column is the worst minute of a half hour; at the right stand all starts.",
    ]


def test_an_hour_that_clocks_repeat_has_two_lines_and_one_that_they_skip_none() -> None:
    back, forward = datetime(2026, 10, 25, 0, tzinfo=UTC), datetime(2026, 3, 29, 0, tzinfo=UTC)
    shown = [line[:11] for line in chart({back: 1}, back, back + 3 * HOUR, "Europe/Vienna")[1:4]]
    assert shown == ["10-25 02:00", "10-25 02:00", "10-25 03:00"]
    shown = [line[:11] for line in chart({forward: 1}, forward, forward + 2 * HOUR, "Europe/Vienna")[1:3]]
    assert shown == ["03-29 01:00", "03-29 03:00"]


@pytest.mark.parametrize("days", [1, 2, 7, 31])
@pytest.mark.parametrize("starts", [1, 7, 999, 600_000])
def test_a_chart_fits_eighty_columns(days: int, starts: int) -> None:
    end = BEGIN + timedelta(days=days)
    load = {BEGIN + timedelta(minutes=n): starts + n for n in range(days * 1440)}
    lines = chart(load, BEGIN, end)
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 53
    assert "".join(load_chart(load, BEGIN, end, ZoneInfo("UTC"), PLAIN)).isascii()


def test_the_worst_minute_is_named_with_its_jobs_and_with_what_h_would_make_of_it(shell: Shell) -> None:
    for name in ("a", "b", "c"):
        shell.ledger.add_job(name, schedule=("0 3 * * *",))
    shell.ledger.add_job("often", schedule=("*/20 * * * * *",))
    shell.ledger.add_job("off", schedule=("0 3 * * *",), enabled=False)
    shell.ledger.add_job("held", schedule=("0 3 * * *",))
    shell.ledger.pause("held")
    lines = shell.text("next", "--load").splitlines()
    assert lines[0] == "4,323 runs start from 2026-03-01 12:00:00Z to 2026-03-02 12:00:00Z."
    assert max(map(len, lines)) <= 80
    at = lines.index("Most start in the minute of 2026-03-02 03:00:00Z: 6.")
    assert [words(line) for line in lines[at + 1 :]] == [
        "often (3 times), a, b, c",
        "",
        "With H, 4 would start in the worst minute, at 2026-03-02 03:09:00Z:",
        "",
        "JOB FILE SCHEDULE INSTEAD",
        "a jobs.d/a.yaml:1 0 3 * * * H 3 * * *",
        "b jobs.d/b.yaml:1 0 3 * * * H 3 * * *",
        "c jobs.d/c.yaml:1 0 3 * * * H 3 * * *",
    ]


def test_the_load_is_told_as_json(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=("0 * * * *",))
    shell.ledger.add_job("b", schedule=("*/30 * * * *",))
    assert shell.json("next", "--load", "--from", "2026-03-01T10:15", "--for", "45m") == {
        "begin": "2026-03-01T10:15:00.000Z",
        "end": "2026-03-01T11:00:00.000Z",
        "starts": 1,
        "minutes": [{"minute": "2026-03-01T10:30:00.000Z", "starts": 1}],
        "peak": {
            "minute": "2026-03-01T10:30:00.000Z",
            "starts": 1,
            "jobs": [{"job_id": "b", "starts": 1}],
        },
        "spread": None,
    }


def test_what_is_skipped_does_not_count(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=("0 * * * *",))
    shell.ledger.conn.execute(
        "INSERT INTO overrides (job_id, kind, scheduled_for, created_by, created_at)"
        " VALUES ('a', 'skip', '2026-03-01T14:00:00.000Z', 'cli', '2026-03-01T12:00:00.000Z')"
    )
    minutes = shell.json("next", "a", "--load", "--for", "4h")["minutes"]
    assert [each["minute"][11:16] for each in minutes] == ["12:00", "13:00", "15:00"]
    coming = shell.json("next", "a", "--from", "now", "--for", "4h")["occurrences"]
    assert [each["scheduled_for"][11:16] for each in coming] == ["12:00", "13:00", "15:00", "16:00"]


def test_a_load_without_starts_says_so(shell: Shell) -> None:
    assert shell.text("next", "--load", "--for", "1h") == (
        "Nothing starts from 2026-03-01 12:00:00Z to 2026-03-01 13:00:00Z.\n"
    )


def test_a_load_is_refused_of_what_is_not_there_and_of_too_long_a_time(shell: Shell) -> None:
    shell.ledger.add_job("a")
    refused(shell.run("next", "b", "--load"), "there is no job b")
    refused(shell.run("next", "--load", "--for", "32d"), "starts are counted for 31 days at most", code=64)
    for far in ("9999-12-31", "9999-01-01", "0001-01-01"):
        refused(shell.run("next", "--load", "--from", far), "year", code=64)
    refused(shell.run("next", "--load", "--count", "3"), "--load counts all there are", code=64)


def test_a_terminal_without_unicode_gets_ascii(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=("0 * * * *",))
    command = [sys.executable, "-m", "jeeves_runner", "-c", str(shell.config), "next", "--load"]
    for encoding, bar in (("utf-8", BLOCKS[-1]), ("ascii", PLAIN[-1]), ("latin-1", PLAIN[-1])):
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        output = subprocess.run(command, env=environment, check=True, capture_output=True).stdout
        assert f"{bar} is 1." in output.decode(encoding)
