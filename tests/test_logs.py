"""The runner's log: one place and one form for all that is said."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from jeeves_runner.config import LogConfig
from jeeves_runner.logs import set_up_logging

LOGGERS = ("jeeves_runner", "asyncio", "aiohttp")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Other tests read the log where it went before."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
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
