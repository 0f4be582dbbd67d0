"""A disk that hangs while a log is written: it holds nothing up for long, and what is missing is counted."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.logs import log_file, log_place

from jeeves_runner.execute.output import log_thread
from jeeves_runner.execute.output.log_file import LogFile
from jeeves_runner.execute.output.log_thread import ThreadedLog


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Writes wait until this is set."""
    goes_on = threading.Event()
    write = LogFile.write

    def hanging(log: LogFile, data: bytes) -> None:
        assert goes_on.wait(60)
        write(log, data)

    monkeypatch.setattr(LogFile, "write", hanging)
    yield goes_on
    goes_on.set()


def test_a_log_whose_disk_hangs_keeps_nobody_and_is_whole_once_it_goes_on(
    tmp_path: Path, disk: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    log = ThreadedLog(log_place(tmp_path), 1 << 20)
    log.write(b"first\n")
    log.write(b"second\n")
    log.close()
    assert not asyncio.run(log.is_written(0.05))
    assert caplog.messages == [f"the log {log_file(tmp_path)} is not complete yet: its disk does not answer"]
    disk.set()
    assert asyncio.run(log.is_written(60))
    assert log_file(tmp_path).read_text() == "first\nsecond\n"


@pytest.mark.parametrize("more", [b"", b"later\n"])
def test_what_is_too_much_to_wait_is_counted_where_it_is_missing(
    tmp_path: Path, disk: threading.Event, monkeypatch: pytest.MonkeyPatch, more: bytes
) -> None:
    monkeypatch.setattr(log_thread, "MAX_WAITING", 10)
    log = ThreadedLog(log_place(tmp_path), 1 << 20)
    for line in (b"0123456\n", b"abcdefg\n", b"ABCDEFG\n"):
        log.write(line)
    disk.set()
    assert asyncio.run(log.is_written(60))
    log.write(more)
    log.close()
    assert asyncio.run(log.is_written(60))
    mark = "\n… 16 bytes are missing: the disk was too slow …\n"
    assert log_file(tmp_path).read_text() == "0123456\n" + mark + more.decode()


def test_a_log_of_nothing_is_never_waited_for(tmp_path: Path, disk: threading.Event) -> None:
    log = ThreadedLog(log_place(tmp_path), 1 << 20)
    log.close()
    assert asyncio.run(log.is_written(0))
    assert list(log_file(tmp_path).parent.iterdir()) == []


def test_without_room_for_a_thread_it_is_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    monkeypatch.setattr(log_thread, "_THREAD", log_thread._Thread())
    log = ThreadedLog(log_place(tmp_path), 1 << 20)
    log.write(b"text\n")
    assert log_file(tmp_path).read_text() == "text\n"
