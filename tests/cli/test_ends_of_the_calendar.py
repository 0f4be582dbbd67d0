"""Times of the first and of the last year that can be written: any command answers, on any clocks."""

from pathlib import Path

import pytest
from support.cli import Shell

FIRST, LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"


@pytest.fixture(params=["America/New_York", "Asia/Tokyo"])
def shell(tmp_path: Path, request: pytest.FixtureRequest) -> Shell:
    """A job of each hour, whose clocks are behind UTC or ahead of it."""
    shell = Shell(tmp_path)
    shell.config.write_text(f"timezone: {request.param}\n")
    shell.ledger.add_job("hourly", schedule=("0 * * * *",), timezone=request.param)
    return shell


@pytest.mark.parametrize("time", [FIRST, LAST])
@pytest.mark.parametrize(
    "command",
    [
        "why hourly {}",
        "skip hourly {}",
        "unskip hourly {}",
        "next --from {}",
        "next --to {}",
        "next hourly --from {}",
        "next --load --from {} --for 1h",
        "simulate --from {} --for 1h",
        "pause hourly --until {}",
        "mute hourly --until {}",
    ],
)
def test_a_command_takes_it_or_says_what_is_wrong(shell: Shell, command: str, time: str) -> None:
    result = shell.run(*command.format(time).split())
    assert result.exit_code in (0, 2, 64), result.output


@pytest.mark.parametrize("command", ["next", "next --load", "simulate"])
def test_a_time_may_end_there(shell: Shell, command: str) -> None:
    result = shell.run(*command.split(), "--from", "9999-12-31T10:00Z", "--to", LAST)
    assert result.exit_code in (0, 2, 64), result.output


@pytest.mark.parametrize(
    "command", ["why hourly", "job hourly", "next hourly", "jobs", "status", "skip hourly", "simulate"]
)
def test_what_lasts_until_then_is_shown(shell: Shell, command: str) -> None:
    assert shell.run("pause", "hourly", "--until", LAST).exit_code == 0
    assert shell.run("mute", "hourly", "--until", LAST).exit_code == 0
    result = shell.run(*command.split())
    assert result.exit_code in (0, 2), result.output
