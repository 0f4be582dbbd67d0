"""The runner's log: one place and one form for all that is said, and what cannot be a log file."""

import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jeeves_runner.config import LogConfig
from jeeves_runner.runner.logging_setup import set_up_logging

LOGGERS = ("jeeves_runner", "asyncio", "aiohttp")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Other tests read the log where it went before."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        for handler in set(logger.handlers) - set(handlers):
            handler.close()
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


@pytest.mark.parametrize("name", ["jeeves_runner.service", "asyncio", "aiohttp.server"])
def test_what_libraries_say_stands_in_the_same_log(name: str) -> None:
    stream = io.StringIO()
    set_up_logging(LogConfig(format="json"), stream)
    logging.getLogger(name).error("out of %s", "files")
    logging.getLogger(name).debug("a detail")
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["logger"], entry["message"]) == ("error", name, "out of files")


def test_a_file_is_made_with_its_folder_and_written_to(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "runner.log"
    set_up_logging(LogConfig(file=file))
    logging.getLogger("jeeves_runner.test").info("it %s", "works")
    assert file.read_text().endswith(" INFO    it works\n")


@pytest.mark.parametrize(("kind", "reason"), [("folder", "it is a folder"), ("pipe", "neither a file nor")])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, kind: str, reason: str) -> None:
    file = tmp_path / "log"
    file.mkdir() if kind == "folder" else os.mkfifo(file)
    with pytest.raises(OSError, match=reason):
        set_up_logging(LogConfig(file=file))


def test_a_device_may_take_the_log() -> None:
    set_up_logging(LogConfig(file=Path("/dev/null")))
