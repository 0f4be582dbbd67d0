"""The clocks on which commands show times, and read those without an offset."""

from collections.abc import Iterator
from inspect import unwrap
from pathlib import Path

import click
import pytest
from support.cli import Shell, words

from jeeves_runner.cli.clocks import viewers_zone
from jeeves_runner.cli.formats import time_column
from jeeves_runner.cli.main import main
from jeeves_runner.clock import from_text


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("TZ", "America/New_York")
    shell = Shell(tmp_path)
    shell.ledger.add_job("berlin", schedule=("0 3 * * *",), timezone="Europe/Berlin")
    shell.ledger.add_run("berlin", "ok")
    return shell


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (("runs",), "TIME (-05:00) TOOK NOTE 1 berlin ok manual 2026-03-01 06:59:00"),
        (("runs", "berlin"), "TIME (+01:00) TOOK NOTE 1 berlin ok manual 2026-03-01 12:59:00"),
        (("runs", "berlin", "--utc"), "TIME (UTC) TOOK NOTE 1 berlin ok manual 2026-03-01 11:59:00"),
        (("--utc", "runs"), "TIME (UTC)"),
        (("run", "1"), "started 2026-03-01 12:59:00+01:00 (1m ago)"),
        (("run", "1", "--utc"), "started 2026-03-01 11:59:00Z (1m ago)"),
        (("next", "--count", "1"), "TIME (-05:00) WHEN JOB 2026-03-01 21:00:00 in 14h berlin"),
        (("next", "berlin", "--count", "1"), "TIME (+01:00) WHEN JOB 2026-03-02 03:00:00 in 14h berlin"),
        (("job", "berlin"), "next run 2026-03-02 03:00:00+01:00 (in 14h)"),
        (("job", "berlin", "--utc"), "next run 2026-03-02 02:00:00Z (in 14h)"),
        (("why", "berlin"), "due next at 2026-03-02 03:00+01:00"),
        (("why", "berlin", "--utc"), "due next at 2026-03-02 02:00Z"),
        (("status",), "WHEN JOB TIME (-05:00) in 14h berlin 2026-03-01 21:00:00"),
    ],
)
def test_times_are_on_the_clocks_of_the_job_or_of_the_person_or_of_utc(
    shell: Shell, command: tuple[str, ...], shown: str
) -> None:
    assert shown in words(shell.text(*command))


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--since", "-30m"), [1]),
        (("--since", "2026-03-01 06:59:00"), [1]),
        (("--since", "2026-03-01T07:00"), []),
        (("--until", "2026-03-01T07:00"), [1]),
        (("--until", "2026-03-01 06:59:00"), []),
        (("berlin", "--since", "2026-03-01 12:59:00", "--until", "2026-03-01 13:00"), [1]),
        (("--utc", "--since", "2026-03-01 11:59:00"), [1]),
    ],
)
def test_runs_are_chosen_by_times_as_they_are_shown(
    shell: Shell, options: tuple[str, ...], found: list[int]
) -> None:
    shell.ledger.conn.execute("UPDATE runs SET created_at = started_at")
    assert [run["id"] for run in shell.json("runs", *options)["runs"]] == found


def test_where_no_run_is_of_that_time_it_is_said_on_the_same_clocks(shell: Shell) -> None:
    answer = shell.text("runs", "berlin", "--until", "-2d")
    assert answer == "There is no such run of berlin before 2026-02-27 13:00:00+01:00.\n"


def test_times_of_a_column_have_their_offsets_where_these_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    texts = ["2026-03-29T00:30:00.000Z", "2026-03-29T01:30:00.000Z", None]
    header, cells = time_column("TIME", texts, viewers_zone())
    assert header == "TIME"
    assert cells == ["2026-03-29 01:30:00+01:00", "2026-03-29 03:30:00+02:00", "-"]


@pytest.mark.parametrize(
    ("name", "hour"), [("Asia/Tokyo", 9), (":Asia/Tokyo", 9), ("", 0), ("/usr/share/zoneinfo/Asia/Tokyo", 9)]
)
def test_the_zone_of_the_person_is_that_of_tz(monkeypatch: pytest.MonkeyPatch, name: str, hour: int) -> None:
    monkeypatch.setenv("TZ", name)
    offset = viewers_zone().utcoffset(from_text("2026-03-01T00:00:00.000Z").replace(tzinfo=None))
    assert offset is not None
    assert offset.total_seconds() == hour * 3600


def test_a_zone_without_rules_that_can_be_read_has_its_standard_offset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "No/Where")
    assert viewers_zone().utcoffset(None) is not None


def test_every_command_that_shows_times_takes_utc_behind_its_name() -> None:
    shows = {"zone", "zone_of"}
    lacking = []
    for name, command in every_command(main):
        code = unwrap(command.callback).__code__ if command.callback is not None else None
        if (
            code is not None
            and shows & {*code.co_names}
            and not any("--utc" in p.opts for p in command.params)
        ):
            lacking.append(name)
    assert lacking == []


def every_command(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield before + name, command
        if isinstance(command, click.Group):
            yield from every_command(command, f"{before}{name} ")
