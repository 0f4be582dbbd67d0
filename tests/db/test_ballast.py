"""A full disk: outcomes and starts are still recorded, in room that was kept for them."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import apsw
import pytest
from support.clock import HandClock
from support.db import CLOCK, adding, notes_in, with_writer
from support.disk import fill, small_disk

from jeeves_runner.db.ballast import SIZE, Ballast
from jeeves_runner.db.connection import connect
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import DatabaseError

LARGE = "x" * 9_000_000
"""More than the writer's log has been given in advance."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as folder:
        yield folder


def test_on_a_full_disk_only_outcomes_and_starts_find_room(
    disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, clock = disk / "runner.sqlite", HandClock()
    connect(path, create=True).close()
    ballast = Ballast(path, clock)

    async def scenario(writer: Writer) -> None:
        await writer.write(adding("first"))
        assert ballast.path.stat().st_size == SIZE
        assert ballast.path.stat().st_mode & 0o777 == 0o600
        filler = fill(disk)
        with pytest.raises(DatabaseError, match="disk is full"):
            await writer.write(adding(LARGE))
        assert ballast.path.exists()
        await writer.write(adding(LARGE), priority=Priority.OUTCOME)
        assert not ballast.path.exists()
        filler.unlink()
        await writer.write(adding("too early to look"))
        assert not ballast.path.exists()
        clock.advance(seconds=10)
        await writer.write(adding("there is room again"))
        await writer.write(adding("last"))
        assert ballast.path.stat().st_size == SIZE

    with_writer(path, scenario, ballast)
    assert caplog.text.count("the disk is full: what ends is recorded in the 16 MiB kept for it") == 1
    assert [len(text) for text in notes_in(path)] == [5, len(LARGE), 17, 19, 4]


def test_a_start_is_tried_once_more_and_then_told(tmp_path: Path) -> None:
    """The disk is as full as before where SQLite itself allows the file only so many pages."""
    path = tmp_path / "runner.sqlite"
    connect(path, create=True).close()

    ballast = Ballast(path, CLOCK, size=4096)

    async def start(writer: Writer) -> None:
        await writer.write(lambda tx: tx.conn.pragma("max_page_count", tx.conn.pragma("page_count") + 20))
        with pytest.raises(DatabaseError, match="disk is full"):
            await writer.write(adding("x" * 1_000_000), priority=Priority.START)
        assert not ballast.is_held

    with_writer(path, start, ballast)
    assert notes_in(path) == []


def test_what_is_there_already_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "runner.sqlite"
    Ballast(path, CLOCK, size=4096).hold()
    found = os.stat(tmp_path / "runner.sqlite.ballast")
    again = Ballast(path, CLOCK, size=4096)
    again.hold()
    assert again.is_held
    assert os.stat(again.path).st_ino == found.st_ino


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_what_is_no_file_of_its_own_gives_way_and_is_not_touched(tmp_path: Path, kind: str) -> None:
    path, precious = tmp_path / "runner.sqlite", tmp_path / "precious"
    precious.write_text("precious")
    ballast = Ballast(path, CLOCK, size=4096)
    if kind == "pipe":
        os.mkfifo(ballast.path)
    else:
        ballast.path.symlink_to(precious)
    ballast.hold()
    assert ballast.is_held
    assert (ballast.path.is_symlink(), ballast.path.stat().st_size) == (False, 4096)
    assert precious.read_text() == "precious"


def test_a_write_that_failed_before_the_ballast_went_is_told_what_came_of_it_afterwards(
    tmp_path: Path,
) -> None:
    """Three share a batch. For want of room two fail and the last ends the transaction; all are repeated."""
    path = tmp_path / "runner.sqlite"
    connect(path, create=True).close()
    full = ["fails", "ends all"]

    def adding_once_full(name: str) -> Callable[[Tx], None]:
        def op(tx: Tx) -> None:
            if name not in full:
                adding(name)(tx)
                return
            full.remove(name)
            if name == "ends all":
                tx.conn.execute("ROLLBACK")
            raise apsw.FullError("database or disk is full")

        return op

    async def scenario(writer: Writer) -> None:
        await writer.write(adding("first"))  # by now the ballast is held
        gate = threading.Event()
        blocked = asyncio.ensure_future(writer.write(lambda tx: gate.wait()))
        await asyncio.sleep(0)
        batch = [
            asyncio.ensure_future(writer.write(adding("start"), priority=Priority.START)),
            asyncio.ensure_future(writer.write(adding_once_full("fails"))),
            asyncio.ensure_future(writer.write(adding_once_full("ends all"))),
        ]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(blocked, *batch)

    with_writer(path, scenario, Ballast(path, CLOCK))
    assert notes_in(path) == ["first", "start", "fails", "ends all"]


def test_at_the_start_the_room_is_given_up_where_there_is_no_other(disk: Path) -> None:
    path = disk / "runner.sqlite"
    Ballast(path, CLOCK).hold()
    Ballast(path, CLOCK).make_room_to_start()
    assert Ballast(path, CLOCK).path.exists()
    fill(disk)
    Ballast(path, CLOCK).make_room_to_start()
    assert not Ballast(path, CLOCK).path.exists()


def test_a_disk_that_takes_no_more_files_is_called_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "nr_inodes=30") as folder:
        path = folder / "runner.sqlite"
        connect(path, create=True).close()
        with suppress(OSError):
            for number in range(30):
                (folder / str(number)).touch()
        with pytest.raises(DatabaseError, match="the disk is full: it takes no more files") as told:
            connect(path)
        assert "permissions" not in str(told.value.hint)


def test_a_disk_that_fails_is_not_called_full(disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = disk / "runner.sqlite"
    connect(path, create=True).close()
    fails = [True]

    def failing_once(tx: Tx) -> None:
        if fails:
            fails.clear()
            raise apsw.IOError("disk I/O error")

    async def scenario(writer: Writer) -> None:
        await writer.write(adding("first"))  # by now the ballast is held
        await writer.write(failing_once, priority=Priority.OUTCOME)

    with_writer(path, scenario, Ballast(path, CLOCK))
    assert caplog.messages == ["the disk takes no writes: what ends is recorded in the 16 MiB kept for it"]
