"""Marks in a log: a reader that begins at one goes on there, whatever has become of the log meanwhile."""

import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.logs import log_place

from jeeves_runner.execute.output.log_file import LogFile
from jeeves_runner.execute.output.log_growth import LogWatch
from jeeves_runner.execute.output.log_place import LogPlace, stdout_of
from jeeves_runner.execute.output.log_reader import LogMark, LogReader
from jeeves_runner.execute.output.log_ring import shares
from jeeves_runner.execute.output.log_thread import ThreadedLog


def go_on(place: LogPlace, mark: LogMark, size: int, written: bytes) -> LogMark:
    """The mark of a new reader that has read on from there; what it says is held to what was written."""
    parsed = LogMark.parse(str(mark))
    assert parsed == mark
    reader = LogReader(place, parsed, head_at_most=shares(size)[0])
    position = mark.position
    for part in reader.parts():
        if part.cut:
            assert part.end == position + part.cut
        else:
            assert part.end == position + len(part.text)
            assert written[position : part.end] == part.text
        position = part.end
    assert reader.mark.position == position
    return reader.mark


@settings(deadline=None)
@given(
    chunks=st.lists(
        st.tuples(st.text("aä€😀", min_size=1, max_size=60), st.booleans()), min_size=1, max_size=40
    ),
    size=st.integers(256, 700),
    joined_early=st.booleans(),
)
def test_readers_that_come_and_go_miss_nothing_and_read_nothing_twice(
    chunks: list[tuple[str, bool]], size: int, joined_early: bool
) -> None:
    with TemporaryDirectory() as folder:
        place = log_place(Path(folder))
        log, written, mark = LogFile(place, size), b"", LogMark()
        for text, is_read in chunks:
            data = text.encode()
            log.write(data)
            written += data
            if is_read:
                mark = go_on(place, mark, size, written)
        if not joined_early:
            mark = go_on(place, mark, size, written)
        log.close()
        end = go_on(place, mark, size, written)
        assert end.position == len(written)
        assert go_on(place, end, size, written) == end
        assert go_on(place, LogMark(), size, written).position == len(written)


def test_where_a_log_that_is_whole_again_was_cut_is_found(tmp_path: Path) -> None:
    place, size = log_place(tmp_path), 400
    log = LogFile(place, size)
    written = b"".join(b"line %d\n" % n for n in range(200))
    log.write(written)
    log.close()
    parts = list(LogReader(place, head_at_most=shares(size)[0]).parts())
    assert [bool(part.cut) for part in parts] == [False, True, False]
    assert written == parts[0].text + written[parts[0].end : parts[1].end] + parts[2].text
    assert [part.cut for part in LogReader(place).parts()] == [0]


def test_what_looks_like_a_cut_elsewhere_is_text(tmp_path: Path) -> None:
    place, size = log_place(tmp_path), 400
    text = "x\n… 5 bytes cut …\ny\n".encode()
    place.path.write_bytes(text * 20)
    reader = LogReader(place, head_at_most=shares(size)[0] + 1)
    assert b"".join(part.text for part in reader.parts() if not part.cut) == text * 20


@pytest.mark.parametrize("text", ["", "a", "-1", "1~", "~1", "1~2~3", "1.5", "٣", "9" * 20])
def test_what_is_no_mark_is_none(text: str) -> None:
    assert LogMark.parse(text) is None


def test_a_watch_hears_once_until_what_was_written_is_read(tmp_path: Path) -> None:
    place = log_place(tmp_path)
    heard = threading.Semaphore(0)
    watch = LogWatch(place.data_dir, place.run_id, heard.release)
    other = LogWatch(place.data_dir, place.run_id + 1, lambda: pytest.fail("it is of another run"))
    log = ThreadedLog(place, 1000)
    log.write(b"one")
    assert heard.acquire(timeout=10)
    log.write(b"two")
    copy = ThreadedLog(stdout_of(place), 1000, is_copy=True)
    copy.write(b"two")
    watch.take()
    log.write(b"three")
    assert heard.acquire(timeout=10)
    watch.close()
    other.close()
    assert not heard.acquire(blocking=False)
