"""The watch of the config file: told once, with its time, and no more once the file is as it was."""

import asyncio
import logging
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from support.clock import HandClock

from jeeves_runner.config import Config, load_config
from jeeves_runner.runner.config_watch import ConfigWatch


def test_a_change_is_told_once_until_the_file_is_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    file = tmp_path / "jeeves-runner.yaml"
    file.write_text("port: 0\n")
    clock = HandClock()
    watch = ConfigWatch(load_config(tmp_path, None), clock)
    begun = clock.now()

    async def after(text: str) -> tuple[tuple[str, ...], timedelta | None]:
        """What differs once the file says this, and since how long after the beginning."""
        file.write_text(text)
        clock.advance(minutes=1)
        await watch.look()
        settings = () if watch.change is None else watch.change.settings
        return settings, None if watch.since is None else watch.since - begun

    async def scene() -> None:
        assert await after("port: 0\n") == ((), None)
        assert await after("port: 1\n") == (("port",), timedelta(minutes=2))
        assert await after("port: 1\n") == (("port",), timedelta(minutes=2))
        assert await after("port: 1\npools: {a: 1}\n") == (("port", "pools"), timedelta(minutes=2))
        assert await after("# as before\nport: 0\n") == ((), None)

    asyncio.run(scene())
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        f"{file} has changed since the server started: port; restart the server",
        f"{file} has changed since the server started: port, pools; restart the server",
        "the config file says again what this server goes by",
    ]


def test_a_file_whose_disk_hangs_is_taken_for_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = ConfigWatch(load_config(tmp_path, None), HandClock())

    def hangs(_config: object) -> None:
        raise TimeoutError

    monkeypatch.setattr("jeeves_runner.runner.config_watch.text_of", hangs)
    asyncio.run(watch.look())
    assert watch.change is None


def test_warnings_are_told_without_waiting_for_a_disk_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A start looks at the file of a token; a signal to stop has to be heard meanwhile."""
    (tmp_path / "jeeves-runner.yaml").write_text("gateway: {url: 'http://127.0.0.1:1', token_path: token}\n")
    watch = ConfigWatch(load_config(tmp_path, None), HandClock())
    asyncio.run(watch.warn())
    (warning,) = caplog.messages
    assert "`gateway.token_path`: the token cannot be read" in warning
    hangs = threading.Event()

    def hanging(_config: Config) -> list[str]:
        hangs.wait(30)
        return ["too late"]

    monkeypatch.setattr("jeeves_runner.runner.config_watch.warnings_of", hanging)
    monkeypatch.setattr("jeeves_runner.runner.config_watch.PATIENCE", 0.1)
    asyncio.run(watch.warn())
    hangs.set()
    assert caplog.messages[1:] == ["what the config names could not be looked at: its disk does not answer"]
