"""The runner's log: one place and one form for all that is said, and what cannot be a log file."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jeeves_runner.access import PRIVATE, SHARED
from jeeves_runner.config import LogConfig
from jeeves_runner.runner.logging_setup import (
    flush_log,
    lines_for_people,
    reopen_log_file,
    set_up_logging,
)

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
def test_what_libraries_say_stands_in_the_same_log(tmp_path: Path, name: str) -> None:
    with (tmp_path / "log").open("wb") as stream:
        set_up_logging(LogConfig(format="json"), stream.fileno())
        logging.getLogger(name).error("out of %s", "files")
        logging.getLogger(name).debug("a detail")
        flush_log()
    (line,) = (tmp_path / "log").read_text().splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["logger"], entry["message"]) == ("error", name, "out of files")


def test_a_file_is_made_with_its_folder_and_written_to(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "runner.log"
    set_up_logging(LogConfig(file=file))
    logging.getLogger("jeeves_runner.test").info("it %s", "works")
    flush_log()
    assert file.read_text().endswith(" INFO    it works\n")


@pytest.mark.parametrize("mode", [PRIVATE, SHARED])
def test_the_folder_of_a_log_is_for_those_for_whom_the_data_is(tmp_path: Path, mode: int) -> None:
    before = os.umask(0)
    try:
        set_up_logging(LogConfig(file=tmp_path / "data" / "runner.log"), folder_mode=mode)
    finally:
        os.umask(before)
    assert oct((tmp_path / "data").stat().st_mode & 0o7777) == oct(mode)


def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "runner.log"
    set_up_logging(LogConfig(file=file))
    logging.getLogger("jeeves_runner.test").info("before")
    flush_log()
    file.rename(tmp_path / "old.log")
    reopen_log_file()
    logging.getLogger("jeeves_runner.test").info("after")
    flush_log()
    assert [path.read_text()[33:] for path in (tmp_path / "old.log", file)] == ["before\n", "after\n"]


def test_a_file_that_cannot_be_made_anew_goes_on_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "runner.log"
    set_up_logging(LogConfig(file=file))
    file.rename(tmp_path / "old.log")
    os.mkfifo(file)
    reopen_log_file()
    logging.getLogger("jeeves_runner.test").info("after")
    flush_log()
    first, second = (tmp_path / "old.log").read_text().splitlines()
    assert {first[33:], second[33:]} == {
        f"the log file {file} cannot be opened anew: it is neither a file nor a terminal nor /dev/null",
        "after",
    }


@pytest.mark.parametrize(("kind", "reason"), [("folder", "it is a folder"), ("pipe", "neither a file nor")])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, kind: str, reason: str) -> None:
    file = tmp_path / "log"
    file.mkdir() if kind == "folder" else os.mkfifo(file)
    with pytest.raises(OSError, match=reason):
        set_up_logging(LogConfig(file=file))


def test_dev_null_may_take_the_log() -> None:
    set_up_logging(LogConfig(file=Path("/dev/null")))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="the system has no /proc")
@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("/dev/full", "neither a file nor a terminal nor /dev/null"),
        ("/dev/zero", "neither a file nor a terminal nor /dev/null"),
        ("/proc/version", "it is a file of the system, in /proc"),
        ("/proc/sys/kernel/hostname", "it is a file of the system, in /proc"),
        ("/proc/self/nothing", "it is a file of the system, in /proc"),
        ("/dev/nothing", "it is a file of the system, in /dev"),
    ],
)
def test_what_belongs_to_the_system_takes_no_log(file: str, reason: str) -> None:
    with pytest.raises(OSError, match=reason):
        set_up_logging(LogConfig(file=Path(file)))


def test_lines_for_people_stand_in_their_order_where_the_log_goes_to_the_same_place(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as stream:
        set_up_logging(LogConfig(), stream.fileno())
        log = logging.getLogger("jeeves_runner.test")
        people = lines_for_people(os.dup(stream.fileno()))
        for number in range(50):
            log.info("log %d", number)
            people.say(f"{33 * ' '}people {number}")
        flush_log()
    expected = [f"{who} {number}" for number in range(50) for who in ("log", "people")]
    assert [line[33:] for line in (tmp_path / "log").read_text().splitlines()] == expected


def test_lines_for_people_do_not_wait_for_a_log_that_goes_elsewhere(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    set_up_logging(LogConfig(file=tmp_path / "log"))
    people = lines_for_people(writer)
    people.say("to people")
    people.flush()
    assert os.read(reader, 100) == b"to people\n"
    people.close()
    os.close(reader)
    os.close(writer)


def test_a_line_that_cannot_be_made_is_told_in_the_log(tmp_path: Path) -> None:
    file = tmp_path / "log"
    set_up_logging(LogConfig(file=file))
    logging.getLogger("jeeves_runner.test").info("%d", "no number")
    flush_log()
    (line,) = file.read_text().splitlines()
    assert f" ERROR   a line of {__file__}:" in line
    assert line.endswith("TypeError('%d format: a real number is required, not str')")


HOSTILE = "a\n2026-01-01T00:00:00.000Z ERROR   forged\x1b[2J\x9b\u202e"


def test_what_a_message_holds_begins_no_line_and_steers_no_terminal(tmp_path: Path) -> None:
    file = tmp_path / "log"
    set_up_logging(LogConfig(file=file))
    logging.getLogger("jeeves_runner.test").warning("%s", HOSTILE)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logging.getLogger("jeeves_runner.test").exception("it failed")
    logging.getLogger("jeeves_runner.test").error("elsewhere", extra={"trace": HOSTILE})
    lines_for_people(os.open(file, os.O_WRONLY | os.O_APPEND)).say(HOSTILE)
    flush_log()
    lines = file.read_text().splitlines()
    assert all(line.isprintable() for line in lines)
    assert lines[0].endswith(r" WARNING a\n2026-01-01T00:00:00.000Z ERROR   forged\x1b[2J\x9b\u202e")
    assert [line for line in lines[1:] if "forged" in line and not line.startswith("    ")] == [
        r"a\n2026-01-01T00:00:00.000Z ERROR   forged\x1b[2J\x9b\u202e"
    ]
    assert "    Traceback (most recent call last):" in lines


def test_in_json_it_has_the_escapes_of_json(tmp_path: Path) -> None:
    file = tmp_path / "log"
    set_up_logging(LogConfig(file=file, format="json"))
    logging.getLogger("jeeves_runner.test").error("%s", HOSTILE, extra={"trace": HOSTILE})
    flush_log()
    (line,) = file.read_text().splitlines()
    assert line.isprintable()
    assert (json.loads(line)["message"], json.loads(line)["traceback"]) == (HOSTILE, HOSTILE)
