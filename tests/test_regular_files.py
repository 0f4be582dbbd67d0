"""Whatever stands at a path is opened at once or refused at once; a test that waits here would hang."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from jeeves_runner import regular_files


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


NO_FILES: list[tuple[str, Callable[[Path], object]]] = [
    ("pipe", os.mkfifo),
    ("folder", Path.mkdir),
    ("socket", make_socket),
]


@pytest.fixture(params=NO_FILES, ids=lambda case: case[0])
def no_file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    request.param[1](Path("it"))
    return Path("it")


def test_what_is_no_file_is_neither_read_nor_written(no_file: Path) -> None:
    for attempt in (regular_files.open_to_read, regular_files.open_to_write):
        with pytest.raises(OSError, match="it is not a regular file"):
            attempt(no_file)
    with pytest.raises(FileExistsError):
        regular_files.create(no_file)


def test_a_link_is_followed_only_on_request_and_never_to_be_written(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("theirs")
    link = tmp_path / "link"
    link.symlink_to("target")
    for attempt in (regular_files.open_to_read, regular_files.open_to_write):
        with pytest.raises(OSError, match="it is a symbolic link"):
            attempt(link)
    with pytest.raises(FileExistsError):
        regular_files.create(link)
    assert regular_files.read_all(link, 100, follow=True) == b"theirs"


@pytest.mark.parametrize("kind", ["link", "pipe", "file", "nothing"])
def test_a_file_replaces_what_stands_there_and_nothing_else(tmp_path: Path, kind: str) -> None:
    target, place = tmp_path / "target", tmp_path / "place"
    target.write_text("theirs")
    match kind:
        case "link":
            place.symlink_to(target)
        case "pipe":
            os.mkfifo(place)
        case "file":
            os.link(target, place)
    descriptor = regular_files.replace(place)
    os.write(descriptor, b"ours")
    os.close(descriptor)
    assert (place.read_text(), target.read_text()) == ("ours", "theirs")
    assert place.stat().st_mode & 0o777 == 0o600


def test_a_folder_is_entered_unless_a_link_leads_there(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("text")
    (tmp_path / "link").symlink_to("real")
    with regular_files.real_folder(tmp_path / "real") as folder:
        os.close(regular_files.open_to_read("file", folder=folder))
    with pytest.raises(OSError, match="it is a symbolic link"), regular_files.real_folder(tmp_path / "link"):
        pass


@pytest.mark.parametrize(
    ("size", "limit", "read"), [(0, 9, 0), (5, 9, 5), (9, 5, 5), (200_000, 150_000, 150_000)]
)
def test_a_file_is_read_up_to_a_limit(tmp_path: Path, size: int, limit: int, read: int) -> None:
    (tmp_path / "file").write_bytes(b"x" * size)
    assert regular_files.read_all(tmp_path / "file", limit) == b"x" * read
