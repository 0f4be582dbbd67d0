"""A log whose reader stands still or has gone: it is not waited for, and what is lost is counted."""

import logging
import os
import re
import threading
from collections.abc import Iterator

import pytest
from support.pipes import fill
from support.server import until

from jeeves_runner.runner import log_thread
from jeeves_runner.runner.log_thread import ThreadHandler

LINES = 20_000
LOST = re.compile(r"lines of this log that are lost, because nothing took them in time: ([0-9]+)")


class Pipe:
    """A log that goes into a pipe, which is read only on request."""

    def __init__(self) -> None:
        self.read_end, self._write_end = os.pipe()
        self.handler = ThreadHandler(self._write_end)

    def say(self, first: int, last: int) -> None:
        for number in range(first, last):
            self.handler.handle(logging.LogRecord("x", logging.INFO, "", 0, "line %d", (number,), None))

    def fill(self) -> int:
        """Leave no room in the pipe, so that no line is written before it is read; the bytes it took."""
        return fill(self._write_end)

    def read_until(self, end: str) -> list[str]:
        text = ""
        while end not in text:
            text += os.read(self.read_end, 65536).decode()
        return text.splitlines()

    def close(self) -> None:
        os.close(self.read_end)
        self.handler.close()
        self.handler.flush()
        os.close(self._write_end)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    monkeypatch.setattr(log_thread, "MAX_WAITING", 10_000)
    monkeypatch.setattr(log_thread, "LAST_LINES", 0.2)
    pipe = Pipe()
    yield pipe
    pipe.close()


def test_a_pipe_that_nobody_reads_keeps_nobody_and_what_is_lost_is_counted(pipe: Pipe) -> None:
    filled = pipe.fill()
    pipe.say(0, LINES)
    pipe.handler.flush()
    shown = pipe.read_until("are lost")
    (lost,) = LOST.findall("\n".join(shown))
    assert [line.lstrip("-") for line in shown[:-1]] == [
        f"line {number}" for number in range(LINES - int(lost))
    ]
    assert "\n".join(shown).startswith("-" * filled + "line 0\n")
    pipe.say(LINES, LINES + 1)
    assert pipe.read_until(f"line {LINES}\n") == [f"line {LINES}"]


def test_what_was_waited_for_in_vain_is_not_waited_for_again(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe.fill()
    pipe.say(0, 1)
    pipe.handler.flush()
    monkeypatch.setattr(log_thread, "LAST_LINES", 3600)
    pipe.handler.flush()
    pipe.read_until("line 0\n")
    pipe.say(1, 2)
    pipe.handler.flush()
    assert pipe.read_until("line 1\n") == ["line 1"]


def test_what_is_lost_is_told_where_it_is_missing(pipe: Pipe) -> None:
    pipe.fill()
    pipe.say(0, LINES)
    os.read(pipe.read_end, 20_000)
    until(lambda: pipe.handler._size < 5_000)
    pipe.say(LINES, LINES + 1)
    text = "\n".join(pipe.read_until(f"line {LINES}\n"))
    assert re.search(rf"{LOST.pattern}\nline {LINES}$", text)


def test_a_reader_that_has_gone_ends_nothing(pipe: Pipe) -> None:
    other = os.dup(pipe.read_end)
    os.close(pipe.read_end)
    os.close(other)
    pipe.say(0, 100)
    pipe.handler.flush()
    pipe.read_end = os.open(os.devnull, os.O_RDONLY)
    assert "log" in {thread.name for thread in threading.enumerate()}
