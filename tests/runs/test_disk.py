"""What counts as room on the disk: bytes and files, on the disk of the data and on that of the database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.clock import HandClock
from support.disk import fill, small_disk

from jeeves_runner.runs import DiskGuard

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "nr_inodes=1500") as folder:
        yield folder


def test_a_full_disk_of_any_folder_counts(
    disk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = HandClock()
    is_full = DiskGuard((tmp_path, disk), MIB, clock)
    assert not is_full()
    filler = fill(disk)
    assert not is_full()  # for a second an answer holds
    clock.advance(seconds=1)
    assert is_full()
    filler.unlink()
    clock.advance(seconds=1)
    assert not is_full()
    assert f"less than 1 MiB is free where {disk} is: no run starts" in caplog.text


def test_a_disk_that_can_take_no_more_files_is_full(disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = HandClock()
    is_full = DiskGuard((disk,), 1, clock)
    assert not is_full()
    for number in range(600):
        (disk / str(number)).touch()
    clock.advance(seconds=1)
    assert is_full()
    assert "room for less than 1000 more files" in caplog.text


def test_a_folder_that_is_missing_is_not_full(tmp_path: Path) -> None:
    assert not DiskGuard((tmp_path / "none",), MIB, HandClock())()
