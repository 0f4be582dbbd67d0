"""A full disk: outcomes and starts are still recorded, in room that was kept for them."""

import asyncio
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import apsw
import pytest
from support.clock import HandClock
from support.db import CLOCK, adding, notes_in, with_writer

from jeeves_runner.db.ballast import SIZE, Ballast
from jeeves_runner.db.connection import connect
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import DatabaseError

LARGE = "x" * 9_000_000
"""More than the writer's log has been given in advance."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB; only root can mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """A file that takes up all that is left."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 16)):
            pass
    return path


def test_on_a_full_disk_only_outcomes_and_starts_find_room(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, clock = small_disk / "runner.sqlite", HandClock()
    connect(path, create=True).close()
    ballast = Ballast(path, clock)

    async def scenario(writer: Writer) -> None:
        await writer.write(adding("first"))
        assert ballast.path.stat().st_size == SIZE
        assert ballast.path.stat().st_mode & 0o777 == 0o600
        filler = fill(small_disk)
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
