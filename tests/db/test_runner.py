"""One runner per database: the lock between processes, and the epoch in the database."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from support.db import CLOCK, child, expect

from jeeves_runner.db.connection import connect, transaction
from jeeves_runner.db.runner import (
    LockHolder,
    RunnerLock,
    begin_epoch,
    begin_stop,
    check_epoch,
    end_epoch,
    lock_holder,
    lock_path,
    runner_row,
    set_addresses,
)
from jeeves_runner.errors import DatabaseBusy, DatabaseError, Fenced, RunnerActive

HOLD = """
import sys
from pathlib import Path
from jeeves_runner.db.runner import RunnerLock
lock = RunnerLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.readline()
lock.release()
"""


@pytest.fixture
def conn(path: Path) -> Iterator[apsw.Connection]:
    with closing(connect(path)) as conn:
        yield conn


@pytest.fixture
def first_runner(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock until it reads a line or dies."""
    with child(HOLD, path) as process:
        expect(process, "held")
        yield process
        process.kill()


class TestLock:
    def test_refuses_a_second_runner_naming_the_first(
        self, path: Path, first_runner: "subprocess.Popen[str]"
    ) -> None:
        with pytest.raises(RunnerActive) as caught:
            RunnerLock(path).acquire()
        assert f"(pid {first_runner.pid})" in caught.value.message
        assert str(path) in caught.value.message
        assert caught.value.hint
        assert lock_holder(path) == LockHolder(first_runner.pid)

    def test_is_the_same_for_every_name_of_the_file(
        self, path: Path, tmp_path: Path, first_runner: "subprocess.Popen[str]"
    ) -> None:
        link = tmp_path / "other" / "name.sqlite"
        link.parent.mkdir()
        link.symlink_to(path)
        with pytest.raises(RunnerActive, match=str(first_runner.pid)):
            RunnerLock(link).acquire()

    def test_says_when_a_command_holds_it_in_place_of_a_runner(self, path: Path) -> None:
        held, refused = RunnerLock(path, command="cancel"), RunnerLock(path)
        held.acquire()
        assert lock_holder(path) == LockHolder(os.getpid(), "cancel")
        with pytest.raises(DatabaseBusy) as caught:
            refused.acquire()
        assert f"`jeeves-runner cancel` (pid {os.getpid()}) works on {path}" in caught.value.message
        assert refused.is_soon_free()
        held.release()

    def test_is_not_soon_free_while_a_runner_has_it(
        self, path: Path, first_runner: "subprocess.Popen[str]"
    ) -> None:
        assert not RunnerLock(path).is_soon_free()
        lock_path(path).write_text("")  # as between the lock and its holder's name
        assert RunnerLock(path).is_soon_free()

    def test_dies_with_its_process(self, path: Path, first_runner: "subprocess.Popen[str]") -> None:
        first_runner.send_signal(signal.SIGKILL)
        first_runner.wait()
        lock = RunnerLock(path)
        lock.acquire()
        assert lock_holder(path) == LockHolder(os.getpid())
        lock.release()

    def test_can_be_taken_again_after_release(self, path: Path) -> None:
        first, second = RunnerLock(path), RunnerLock(path)
        first.acquire()
        first.release()
        assert lock_holder(path) is None
        second.acquire()
        second.release()

    def test_is_not_inherited_by_the_programs_it_starts(self, path: Path) -> None:
        lock = RunnerLock(path)
        lock.acquire()
        sleeper = "print('up', flush=True); input()"
        with subprocess.Popen(
            [sys.executable, "-c", sleeper],
            close_fds=False,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            expect(process, "up")
            lock.release()
            second = RunnerLock(path)
            second.acquire()
            second.release()
            process.communicate("\n")

    def test_survives_somebody_reading_its_file(self, path: Path) -> None:
        lock = RunnerLock(path)
        lock.acquire()
        assert lock_path(path).read_text() == f"{os.getpid()}\n"
        with pytest.raises(RunnerActive):
            RunnerLock(path).acquire()
        lock.release()

    def test_is_refused_in_our_words_where_it_cannot_be_made(self, tmp_path: Path) -> None:
        path = tmp_path / "runner.sqlite"
        lock_path(path).mkdir()
        with pytest.raises(DatabaseError, match="lock file"):
            RunnerLock(path).acquire()

    def test_does_not_need_the_folder_to_exist(self, tmp_path: Path) -> None:
        lock = RunnerLock(tmp_path / "data" / "runner.sqlite")
        lock.acquire()
        lock.release()
        assert [entry.name for entry in (tmp_path / "data").iterdir()] == ["runner.sqlite.lock"]


class TestEpoch:
    def test_rises_with_each_start_and_fences_the_earlier_runner(self, conn: apsw.Connection) -> None:
        with transaction(conn, CLOCK) as tx:
            first = begin_epoch(tx, 100, "boot")
            check_epoch(tx, first)
        with transaction(conn, CLOCK) as tx:
            second = begin_epoch(tx, 200, "boot")
            assert second > first
            check_epoch(tx, second)
            with pytest.raises(Fenced, match="pid 200"):
                check_epoch(tx, first)

    def test_is_unknown_before_the_first_start(self, conn: apsw.Connection) -> None:
        assert runner_row(conn) is None
        with transaction(conn, CLOCK) as tx, pytest.raises(Fenced):
            check_epoch(tx, 1)

    def test_records_who_runs_where(self, conn: apsw.Connection) -> None:
        with transaction(conn, CLOCK) as tx:
            epoch = begin_epoch(tx, 100, "boot")
            set_addresses(tx, epoch, "http://127.0.0.1:1937", "/data/runner.sock")
        row = runner_row(conn)
        assert row is not None
        assert (row.epoch, row.pid, row.boot_id) == (epoch, 100, "boot")
        assert (row.api_url, row.socket) == ("http://127.0.0.1:1937", "/data/runner.sock")
        assert row.started_at == tx.now
        assert row.stopped_at is None

    def test_records_an_orderly_end(self, conn: apsw.Connection) -> None:
        with transaction(conn, CLOCK) as tx:
            epoch = begin_epoch(tx, 100, "boot")
            set_addresses(tx, epoch, "http://127.0.0.1:1937", "/data/runner.sock")
            end_epoch(tx, epoch)
        row = runner_row(conn)
        assert row is not None
        assert row.stopped_at == tx.now
        assert (row.api_url, row.socket) == (None, None)

    def test_records_that_it_stops_before_it_has(self, conn: apsw.Connection) -> None:
        with transaction(conn, CLOCK) as tx:
            begin_stop(tx, begin_epoch(tx, 100, "boot"))
        row = runner_row(conn)
        assert row is not None
        assert (row.stopping_at, row.stopped_at) == (tx.now, None)

    def test_a_fenced_runner_changes_nothing(self, conn: apsw.Connection) -> None:
        with transaction(conn, CLOCK) as tx:
            old = begin_epoch(tx, 100, "boot")
            new = begin_epoch(tx, 200, "boot")
            set_addresses(tx, new, "http://127.0.0.1:2000", "/data/runner.sock")
            begin_stop(tx, old)
            end_epoch(tx, old)
            with pytest.raises(Fenced):
                set_addresses(tx, old, "http://127.0.0.1:1000", "/data/runner.sock")
        row = runner_row(conn)
        assert row is not None
        assert (row.pid, row.api_url) == (200, "http://127.0.0.1:2000")
        assert (row.stopping_at, row.stopped_at) == (None, None)

    @pytest.mark.parametrize("has_ended", [True, False], ids=["that has ended", "that was killed"])
    def test_a_new_start_forgets_the_address_and_end_of_one(
        self, conn: apsw.Connection, has_ended: bool
    ) -> None:
        with transaction(conn, CLOCK) as tx:
            old = begin_epoch(tx, 100, "boot")
            set_addresses(tx, old, "http://127.0.0.1:1937", "/data/runner.sock")
            if has_ended:
                begin_stop(tx, old)
                end_epoch(tx, old)
            begin_epoch(tx, 200, "boot")
        row = runner_row(conn)
        assert row is not None
        assert (row.api_url, row.socket, row.stopping_at, row.stopped_at) == (None, None, None, None)


def test_a_pipe_in_place_of_the_lock_is_told_and_waited_for_by_nothing(tmp_path: Path) -> None:
    path = tmp_path / "runner.sqlite"
    os.mkfifo(lock_path(path))
    with pytest.raises(DatabaseError, match="cannot be locked: it is not a regular file"):
        RunnerLock(path).acquire()
    assert lock_holder(path) is None


@pytest.mark.parametrize(
    ("content", "is_taken"), [("precious", False), ("41\n", True), ("41 cancel\n", True), ("", True)]
)
def test_a_lock_that_is_another_name_of_a_file_takes_the_place_of_a_locks_content_alone(
    tmp_path: Path, content: str, is_taken: bool
) -> None:
    """Scripts may put it there; so may what makes snapshots with hard links."""
    (tmp_path / "other").write_text(content)
    path = tmp_path / "runner.sqlite"
    os.link(tmp_path / "other", lock_path(path))
    lock = RunnerLock(path)
    if is_taken:
        lock.acquire()
        lock.release()
    else:
        with pytest.raises(DatabaseError, match="a file that holds something else"):
            lock.acquire()
        assert (tmp_path / "other").read_text() == content


def test_a_database_behind_a_loop_of_symlinks_cannot_be_locked(tmp_path: Path) -> None:
    path = tmp_path / "runner.sqlite"
    path.symlink_to(path)
    with pytest.raises(DatabaseError, match="symlinks form a loop"):
        RunnerLock(path).acquire()
    assert lock_holder(path) is None
