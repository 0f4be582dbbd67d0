"""Given logs of a job that got another id, while they are moved, then each is found at every moment."""

from pathlib import Path

import pytest

from jeeves_runner.execute.output.log_file import LogFile, remove_logs
from jeeves_runner.execute.output.log_moves import move_files, remove_if_empty, runs_with_files
from jeeves_runner.execute.output.log_place import LogPlace, stdout_of
from jeeves_runner.execute.output.log_reader import LogReader

LONG = b"".join(b"line %d\n" % number for number in range(1000))


def place(folder: Path, run_id: int, job_id: str = "new", *earlier: str) -> LogPlace:
    return LogPlace(str(folder), job_id, run_id, earlier=earlier)


def written(folder: Path, run_id: int, text: bytes = b"text\n", *, job_id: str = "old") -> None:
    file = LogFile(place(folder, run_id, job_id), 4000)
    file.write(text)
    file.close()


def read(folder: Path, run_id: int) -> bytes:
    return b"".join(LogReader(place(folder, run_id, "new", "older", "old")).read())


def test_they_are_found_before_and_after(tmp_path: Path) -> None:
    for run_id in (1, 2, 3):
        written(tmp_path, run_id)
    LogFile(stdout_of(place(tmp_path, 1, "old")), 4000).write(b"out\n")
    assert runs_with_files(str(tmp_path), "old") == {1, 2, 3}
    move_files(str(tmp_path), "old", "new", {1, 2})
    assert runs_with_files(str(tmp_path), "old") == {3}
    assert sorted(path.name for path in (tmp_path / "logs/new").iterdir()) == ["1.log", "1.out", "2.log"]
    assert [read(tmp_path, run_id) for run_id in (1, 2, 3)] == [b"text\n"] * 3
    move_files(str(tmp_path), "old", "new", {3})
    assert not (tmp_path / "logs/old").exists()
    assert read(tmp_path, 3) == b"text\n"


def test_a_log_in_two_parts_is_read_whole_wherever_they_are(tmp_path: Path) -> None:
    file = LogFile(place(tmp_path, 1, "old"), 4000)
    file.write(LONG)
    whole = read(tmp_path, 1)
    assert b"cut" in whole
    (tmp_path / "logs/new").mkdir()
    for name in ("1.log", "1.log.tail"):
        (tmp_path / "logs/old" / name).rename(tmp_path / "logs/new" / name)
        assert read(tmp_path, 1) == whole
    file.close()


def test_what_stands_at_the_new_place_stays(tmp_path: Path) -> None:
    written(tmp_path, 1, b"older\n")
    written(tmp_path, 1, b"newer\n", job_id="new")
    move_files(str(tmp_path), "old", "new", {1})
    assert read(tmp_path, 1) == b"newer\n"
    assert runs_with_files(str(tmp_path), "old") == set()


def test_a_log_is_deleted_wherever_it_is(tmp_path: Path) -> None:
    written(tmp_path, 1)
    written(tmp_path, 1, job_id="older")
    remove_logs(place(tmp_path, 1, "new", "older", "old"))
    with pytest.raises(FileNotFoundError):
        read(tmp_path, 1)


def test_no_link_is_followed_and_foreign_files_are_left(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/1.log").write_text("theirs")
    (tmp_path / "logs/old").symlink_to(tmp_path / "elsewhere")
    assert runs_with_files(str(tmp_path), "old") == set()
    with pytest.raises(OSError, match="cannot be used"):
        move_files(str(tmp_path), "old", "new", {1})
    (tmp_path / "logs/old").unlink()
    written(tmp_path, 1)
    (tmp_path / "logs/old/notes.txt").write_text("theirs")
    move_files(str(tmp_path), "old", "new", {1})
    assert (tmp_path / "logs/old/notes.txt").exists()
    move_files(str(tmp_path), "old", "../new", {1})
    assert read(tmp_path, 1) == b"text\n"


def test_a_folder_goes_that_a_move_has_left_empty(tmp_path: Path) -> None:
    written(tmp_path, 1)
    remove_if_empty(str(tmp_path), "old")
    assert read(tmp_path, 1) == b"text\n"
    (tmp_path / "logs/old/1.log").unlink()
    for _ in range(2):
        remove_if_empty(str(tmp_path), "old")
    assert not (tmp_path / "logs/old").exists()
