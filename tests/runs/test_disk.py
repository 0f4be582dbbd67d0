"""What counts as room on the disk: bytes and files, on the disk of the data and on that of the database."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from support.disk import fill, small_disk

from jeeves_runner.core.durations import parse_size
from jeeves_runner.runs import DiskGuard

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "nr_inodes=1500") as folder:
        yield folder


def test_a_full_disk_of_any_folder_counts(
    disk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        is_full = DiskGuard((tmp_path, disk), MIB)
        await is_full.look()
        assert not is_full()
        filler = fill(disk)
        assert not is_full()  # an answer holds until the next look
        await is_full.look()
        assert is_full()
        await is_full.look()
        filler.unlink()
        await is_full.look()
        assert not is_full()

    caplog.set_level("INFO")
    asyncio.run(scene())
    assert caplog.messages == [
        f"less than 1MiB is free where {disk} is: no run starts until there is room",
        "there is room on the disk again: runs start",
    ]


@pytest.mark.parametrize("least", ["100KiB", "1536KiB", "1GiB"])
def test_it_says_how_much_is_to_be_free_in_the_unit_that_fits(
    disk: Path, caplog: pytest.LogCaptureFixture, least: str
) -> None:
    async def scene() -> None:
        is_full = DiskGuard((disk,), parse_size(least))
        fill(disk)
        await is_full.look()
        assert is_full()

    asyncio.run(scene())
    assert f"less than {least} is free where {disk} is" in caplog.text


def test_a_disk_that_can_take_no_more_files_is_full(disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        is_full = DiskGuard((disk,), 1)
        await is_full.look()
        assert not is_full()
        for number in range(600):
            (disk / str(number)).touch()
        await is_full.look()
        assert is_full()

    asyncio.run(scene())
    assert "room for less than 1000 more files" in caplog.text


def test_a_folder_that_is_missing_is_not_full(tmp_path: Path) -> None:
    is_full = DiskGuard((tmp_path / "none",), MIB)
    asyncio.run(is_full.look())
    assert not is_full()


def test_a_disk_that_hangs_counts_as_it_was_and_keeps_nobody(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers, statvfs = threading.Event(), os.statvfs

    def hangs(path: Path) -> os.statvfs_result:
        if path == disk:
            answers.wait(60)
        return statvfs(path)

    async def scene() -> None:
        is_full = DiskGuard((disk, tmp_path), MIB, patience=30)
        await is_full.look()
        filler = fill(disk)
        await is_full.look()
        monkeypatch.setattr(os, "statvfs", hangs)
        filler.unlink()
        hanging = is_full._disks[0]
        hanging._patience = 0.05
        for _ in range(2):
            await is_full.look()
            assert is_full()
        hanging._patience = 30
        answers.set()
        await until(is_full.look, lambda: not is_full())

    async def until(look: Callable[[], Awaitable[None]], holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not holds():
                await look()

    caplog.set_level("INFO")
    asyncio.run(scene())
    assert caplog.messages == [
        f"less than 1MiB is free where {disk} is: no run starts until there is room",
        f"the disk of {disk} does not answer",
        f"the disk of {disk} answers again",
        "there is room on the disk again: runs start",
    ]
