"""A log at every moment of its life: growing, over its cap, closed, and left by a runner that was killed."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.logs import log_place, ring_file

from jeeves_runner.execute.output.log_file import LogFile, join_log, remove_log
from jeeves_runner.execute.output.log_place import LogPlace
from jeeves_runner.execute.output.log_reader import LogReader

CAP = 1024
MARKER = re.compile("\n… ([0-9]+) bytes cut …\n")


class Killed(BaseException):
    """Not to be handled by anything, like SIGKILL."""


@contextmanager
def killed_at_write(monkeypatch: pytest.MonkeyPatch, number: int) -> Iterator[None]:
    """The process dies instead of its n-th write at a place of its choice."""
    pwrite, left = os.pwrite, [number]

    def dying(*args: int | bytes) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return pwrite(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", dying)
        yield


def lines(count: int) -> list[str]:
    return [f"line {n} ü\n" for n in range(count)]


def on_disk(log: LogPlace) -> int:
    return sum(path.stat().st_size for path in log.path.parent.iterdir())


def in_place(shown: str, text: str) -> str:
    """What was shown with each mark of a cut replaced by what it stands for; fails if that is not there."""
    data, position, parts = text.encode(), 0, MARKER.split(shown)
    for piece, cut in zip(parts[::2], [*parts[1::2], "0"], strict=True):
        assert data[position:].startswith(piece.encode())
        position += len(piece.encode()) + int(cut)
    return data[:position].decode()


def all_of(reader: LogReader) -> str:
    return b"".join(reader.read()).decode()


@settings(max_examples=150, deadline=None)
@given(count=st.integers(0, 400), looks=st.sets(st.integers(0, 400)), size=st.integers(1, 30))
def test_a_follower_sees_all_that_it_is_not_too_late_for_to_the_last_line(
    tmp_path_factory: pytest.TempPathFactory, count: int, looks: set[int], size: int
) -> None:
    place = log_place(tmp_path_factory.mktemp("data"))
    log, reader, shown, text = LogFile(place, CAP), LogReader(place), "", ""
    written = lines(count)
    for start in range(0, count, size):
        chunk = "".join(written[start : start + size])
        log.write(chunk.encode())
        text += chunk
        assert on_disk(place) <= CAP
        if looks & set(range(start, start + size)):
            shown += all_of(reader)
            assert in_place(shown, text) == text
            assert in_place(all_of(LogReader(place)), text) == text
    log.close()
    if not text:
        return
    shown += all_of(reader)
    assert in_place(shown, text) == text
    assert all_of(reader) == ""
    assert shown.endswith(written[-1])
    assert not ring_file(place).exists()
    assert on_disk(place) <= CAP
    assert all_of(LogReader(place)) == place.path.read_text()


def test_a_follower_that_keeps_up_misses_nothing(tmp_path: Path) -> None:
    place = log_place(tmp_path)
    log, reader, shown = LogFile(place, CAP), LogReader(place), ""
    for line in lines(400):
        log.write(line.encode())
        shown += all_of(reader)
    log.close()
    assert shown + all_of(reader) == "".join(lines(400))


@pytest.mark.parametrize("writes", range(1, 40))
def test_the_log_of_a_killed_runner_is_head_mark_and_tail_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    place = log_place(tmp_path)
    log, text = LogFile(place, 512), "".join(lines(100))
    with killed_at_write(monkeypatch, writes), suppress(Killed):
        for start in range(0, len(text), 50):
            log.write(text[start : start + 50].encode())
        log.close()
    assert ring_file(place).exists()
    before = all_of(LogReader(place))
    in_place(before, text)
    join_log(place)
    assert place.path.read_text() == before
    assert not ring_file(place).exists()


def test_joining_may_be_broken_off_and_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = log_place(tmp_path)
    log, text = LogFile(place, CAP), "".join(lines(300))
    log.write(text.encode())
    with killed_at_write(monkeypatch, 1), pytest.raises(Killed):
        log.close()
    shown = all_of(LogReader(place))
    assert in_place(shown, text) == text
    join_log(place)
    assert place.path.read_text() == shown


def test_a_tail_without_a_header_is_no_tail(tmp_path: Path) -> None:
    place = log_place(tmp_path)
    place.path.write_text("the head\n")
    ring_file(place).write_text("")
    assert all_of(LogReader(place)) == "the head\n"
    join_log(place)
    assert place.path.read_text() == "the head\n"
    assert not ring_file(place).exists()


def test_a_log_goes_with_its_tail(tmp_path: Path) -> None:
    place = log_place(tmp_path)
    LogFile(place, CAP).write("".join(lines(300)).encode())
    assert ring_file(place).exists()
    remove_log(place)
    assert list(place.path.parent.iterdir()) == []


@pytest.mark.parametrize("before", [5, 100], ids=["in the head", "in the ring"])
@pytest.mark.parametrize("has_room_again", [True, False])
def test_a_log_that_had_no_room_says_so_at_its_end_where_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, has_room_again: bool
) -> None:
    place = log_place(tmp_path)
    log = LogFile(place, CAP)
    log.write("".join(lines(before)).encode())
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", no_room)
        patch.setattr(os, "pwrite", no_room)
        log.write(b"this is lost\n")
        if not has_room_again:
            log.close()
    log.write(b"so is this\n")
    log.close()
    said = all_of(LogReader(place))
    assert "lost" not in said
    assert "so is" not in said
    assert f"line {before - 1} ü\n" in said
    assert on_disk(place) <= CAP
    assert said.endswith("\n… the log ends here: No space left on device …\n") is has_room_again


def no_room(*_args: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
