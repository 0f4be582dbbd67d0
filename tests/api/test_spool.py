"""Answers on their way: small ones in memory, large ones in files, and neither for ever."""

import errno
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from jeeves_runner.api.spool import IN_MEMORY, Spool, SpoolFiles
from jeeves_runner.errors import Overloaded


@pytest.fixture
def files(tmp_path: Path) -> SpoolFiles:
    return SpoolFiles(tmp_path, most=4 * IN_MEMORY)


def filled(files: SpoolFiles, *parts: bytes) -> Spool:
    spool = Spool(files)
    spool.write(parts)
    return spool


def content(spool: Spool) -> bytes:
    return b"".join(iter(spool.read, b""))


@pytest.mark.parametrize(
    ("parts", "is_file"),
    [
        ((), False),
        ((b"a", b"bc"), False),
        ((b"x" * IN_MEMORY,), False),
        ((b"x" * IN_MEMORY, b"y"), True),
        ((b"y", b"x" * IN_MEMORY), True),
        ((b"x" * (2 * IN_MEMORY), b"", b"z"), True),
    ],
)
def test_what_was_written_is_read(files: SpoolFiles, parts: tuple[bytes, ...], is_file: bool) -> None:
    spool = filled(files, *parts)
    assert spool.is_file is is_file
    assert spool.size == sum(map(len, parts))
    assert spool.held == (0 if is_file else spool.size)
    assert content(spool) == b"".join(parts)
    spool.close()


def test_a_file_has_no_name(files: SpoolFiles, tmp_path: Path) -> None:
    spool = filled(files, b"x" * (2 * IN_MEMORY))
    assert list(tmp_path.iterdir()) == []
    spool.close()


def test_files_have_so_much_room_together_and_give_it_back(files: SpoolFiles) -> None:
    large = b"x" * (2 * IN_MEMORY)
    spools = [filled(files, large) for _ in range(2)]
    with pytest.raises(Overloaded, match="too many large answers are on their way"):
        filled(files, large)
    for spool in spools:
        spool.close()
        spool.close()
    again = filled(files, large, large)
    assert content(again) == large + large
    again.close()
    assert files.room.take(4 * IN_MEMORY)


def test_an_answer_that_breaks_off_gives_its_room_back(files: SpoolFiles) -> None:
    def parts() -> Iterator[bytes]:
        yield b"x" * (2 * IN_MEMORY)
        raise ValueError("no JSON")

    with pytest.raises(ValueError, match="no JSON"):
        Spool(files).write(parts())
    assert files.room.take(4 * IN_MEMORY)


def test_a_full_disk_is_told(files: SpoolFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.FileIO):
        def write(self, _data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "make", lambda: Full("/dev/null", "w"))
    with pytest.raises(Overloaded, match="which cannot be written: No space left on device"):
        filled(files, b"x" * (2 * IN_MEMORY))
    assert files.room.take(4 * IN_MEMORY)
