"""Writers of one database have their turn, however many there are and however much they write."""

import errno
import fcntl
import logging
import os
import subprocess
import threading
from contextlib import closing
from errno import EMFILE
from pathlib import Path

import pytest
from support.db import CLOCK, child, expect, locked_by_another, note, notes_in, tell

from jeeves_runner.client import Client
from jeeves_runner.db import transaction as transaction_module
from jeeves_runner.db.connection import connect, transaction
from jeeves_runner.db.turns import SUFFIX, turns_of
from jeeves_runner.errors import DatabaseBusy

WRITE_FOR_A_WHILE = """
import sys
from pathlib import Path
sys.path.insert(0, "tests")
from support.db import CLOCK, note
from jeeves_runner.db.connection import connect, transaction
conn = connect(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
ends, done = CLOCK.monotonic() + 2, 0
while CLOCK.monotonic() < ends:
    with transaction(conn, CLOCK, durable=False) as tx:
        note(tx)
    done += 1
print(done, flush=True)
"""

STAND_IN_QUEUE = """
import fcntl, sys
with open(sys.argv[1]) as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("first", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "runner.sqlite"
    with closing(connect(path, create=True)) as conn, transaction(conn, CLOCK) as tx:
        note(tx, "first")
    return path


def queue_of(path: Path) -> Path:
    return path.with_name(f"{path.name}{SUFFIX}")


def in_queue() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "turn to write"]


def counts(writers: list["subprocess.Popen[str]"]) -> list[int]:
    return [int(writer.communicate()[0]) for writer in writers]


def test_of_six_that_write_without_a_pause_each_has_its_share(path: Path) -> None:
    writers = [child(WRITE_FOR_A_WHILE, path) for _ in range(6)]
    for writer in writers:
        expect(writer, "ready")
    for writer in writers:
        tell(writer)
    done = counts(writers)
    assert min(done) > sum(done) / len(done) / 4, done


def test_a_program_that_stands_still_in_the_queue_stops_nobody(path: Path) -> None:
    with child(STAND_IN_QUEUE, queue_of(path)) as stopped:
        expect(stopped, "first")
        with closing(connect(path)) as conn, transaction(conn, CLOCK, patience=30) as tx:
            note(tx, "second")
        stopped.communicate()
    assert notes_in(path) == ["first", "second"]


def test_who_gives_up_a_place_leaves_it_to_the_next(path: Path) -> None:
    with closing(connect(path)) as conn, child(STAND_IN_QUEUE, queue_of(path)) as first:
        expect(first, "first")
        with locked_by_another(path), pytest.raises(DatabaseBusy), transaction(conn, CLOCK, patience=0.1):
            pytest.fail("the lock is not ours")
        first.communicate()
        with queue_of(path).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)


def test_who_asks_again_and_again_has_one_place(path: Path) -> None:
    with closing(connect(path)) as conn, child(STAND_IN_QUEUE, queue_of(path)) as first:
        expect(first, "first")
        for attempt in range(3):
            with locked_by_another(path), pytest.raises(DatabaseBusy), transaction(conn, CLOCK, patience=0.1):
                pytest.fail("the lock is not ours")
            assert len(in_queue()) == 1, attempt
        (place,) = in_queue()
        first.communicate()
        place.join()
        with transaction(conn, CLOCK, patience=30) as tx:
            note(tx, "second")
    assert notes_in(path) == ["first", "second"]


def test_who_left_a_place_whose_turn_has_come_takes_a_new_one(path: Path) -> None:
    with closing(connect(path)) as conn:
        for _ in range(2):
            with child(STAND_IN_QUEUE, queue_of(path)) as first:
                expect(first, "first")
                with (
                    locked_by_another(path),
                    pytest.raises(DatabaseBusy),
                    transaction(conn, CLOCK, patience=0.1),
                ):
                    pytest.fail("the lock is not ours")
                (place,) = in_queue()
                first.communicate()
                place.join()


def test_without_a_queue_everybody_writes_all_the_same(path: Path) -> None:
    queue_of(path).unlink()
    queue_of(path).mkdir()
    with closing(connect(path)) as conn, locked_by_another(path) as holder:
        with pytest.raises(DatabaseBusy), transaction(conn, CLOCK, patience=0):
            pytest.fail("the lock is not ours")
        tell(holder)
        with transaction(conn, CLOCK, patience=30) as tx:
            note(tx, "second")
    assert notes_in(path) == ["first", "second"]


def test_at_a_limit_on_threads_everybody_writes_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with closing(connect(path)) as conn, child(STAND_IN_QUEUE, queue_of(path)) as first:
        expect(first, "first")
        with transaction(conn, CLOCK, patience=30) as tx:
            note(tx, "second")
        first.communicate(input="go\n")
    assert notes_in(path) == ["first", "second"]


def test_who_lacked_a_descriptor_once_has_a_place_the_next_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, *_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files", name)

    with closing(connect(path)) as conn, child(STAND_IN_QUEUE, queue_of(path)) as first:
        expect(first, "first")
        with monkeypatch.context() as patch:
            patch.setattr("jeeves_runner.db.turns.os.open", refuse)
            with transaction(conn, CLOCK) as tx:
                note(tx, "second")
        assert in_queue() == []
        with locked_by_another(path), pytest.raises(DatabaseBusy), transaction(conn, CLOCK, patience=0.1):
            pytest.fail("the lock is not ours")
        (place,) = in_queue()
        first.communicate()
        place.join()
    assert notes_in(path) == ["first", "second"]


def test_the_queue_is_for_those_who_may_use_the_folder(path: Path) -> None:
    queue_of(path).unlink()
    path.parent.chmod(0o770)
    with closing(connect(path)) as conn, transaction(conn, CLOCK):
        pass
    assert os.stat(queue_of(path)).st_mode & 0o777 == 0o660


def test_a_run_waits_for_as_long_as_it_may_last_and_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction_module, "PATIENCE", 0.1)
    monkeypatch.setenv("JR_DB_PATH", str(path))
    monkeypatch.setenv("JR_RUN_ID", "1")
    said: list[str] = []
    with Client() as jr, locked_by_another(path) as holder:

        class Told(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                said.append(record.getMessage())
                tell(holder)

        told = Told()
        logging.getLogger(transaction_module.__name__).addHandler(told)
        try:
            jr.set_state("mail", "cursor", 1)
        finally:
            logging.getLogger(transaction_module.__name__).removeHandler(told)
        assert jr.get_state("mail", "cursor") == 1
    assert said == [f"{path} has been locked by another process for over 0.1 s; waiting for it"]


def test_without_a_descriptor_for_the_queue_it_is_asked_for_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(EMFILE, os.strerror(EMFILE))

    queue_of(path).unlink()
    with closing(connect(path)) as conn:
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", refuse)
            with transaction(conn, CLOCK) as tx:
                note(tx, "second")
        assert not queue_of(path).exists()
        turns_of(conn, CLOCK)._slice_ends = 0.0  # its turn is over
        with transaction(conn, CLOCK) as tx:
            note(tx, "third")
    assert queue_of(path).exists()
    assert notes_in(path) == ["first", "second", "third"]
