"""What the runner keeps is for its owner alone, or for the group of its folder, whatever the umask says."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.db import CLOCK, note

from jeeves_runner.access import PRIVATE, SHARED, is_shared, make_file, make_folder, too_open
from jeeves_runner.db.connection import connect, transaction
from jeeves_runner.db.runner import RunnerLock
from jeeves_runner.execute.output.log_file import LogFile
from jeeves_runner.execute.output.log_place import LogPlace


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=lambda mask: f"umask {mask:03o}")
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """The mode of the folder and of all that is in it."""
    found = {".": f"{folder.stat().st_mode & 0o7777:04o}"}
    for path in folder.rglob("*"):
        found[str(path.relative_to(folder))] = f"{path.stat().st_mode & 0o7777:04o}"
    return dict(sorted(found.items()))


def use(folder: Path, mode: int) -> dict[str, str]:
    """The modes while a database is in use in a folder that is made for it."""
    path = folder / "runner.sqlite"
    lock = RunnerLock(path, mode)
    lock.acquire()
    log = LogFile(LogPlace(str(folder), "job", 1), 1000)
    log.write(b"words")
    log.close()
    with closing(connect(path, create=True, folder_mode=mode)) as conn:
        with transaction(conn, CLOCK) as tx:
            note(tx)
        found = modes(folder)
    lock.release()
    return found


FILES = ("", "-shm", "-wal", ".lock", ".turns")


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(("mode", "folder", "file"), [(PRIVATE, "0700", "0600"), (SHARED, "2770", "0660")])
def test_of_what_is_made_the_mode_is_that_of_the_config(
    tmp_path: Path, mode: int, folder: str, file: str
) -> None:
    assert use(tmp_path / "new" / "data", mode) == {
        ".": folder,
        "logs": folder,
        "logs/job": folder,
        "logs/job/1.log": file,
        **{f"runner.sqlite{suffix}": file for suffix in FILES},
    }


def test_a_folder_that_is_open_to_others_does_not_make_files_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o775)
    assert not is_shared(tmp_path)
    make_file(tmp_path / "file")
    make_folder(tmp_path / "folder")
    assert modes(tmp_path) == {".": "0775", "file": "0600", "folder": "0700"}


def test_what_is_there_keeps_its_mode_and_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    file = tmp_path / "file"
    file.touch()
    file.chmod(0o644)
    make_file(file)
    make_folder(tmp_path, PRIVATE)
    missing = tmp_path / "missing"
    found = too_open([tmp_path, file, missing], PRIVATE)
    assert list(map(str, found)) == [f"{tmp_path} (mode 0755)", f"{file} (mode 0644)"]
    file.chmod(0o660)
    assert too_open([file], SHARED) == []
    assert list(map(str, too_open([file], PRIVATE))) == [f"{file} (mode 0660)"]
