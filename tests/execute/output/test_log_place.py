"""What a script has put where logs are: it is replaced or refused, and nothing waits for it."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jeeves_runner.execute.output.log_file import LogFile, join_log, remove_log
from jeeves_runner.execute.output.log_folders import LogFolders
from jeeves_runner.execute.output.log_reader import LogReader
from jeeves_runner.execute.output.log_ring import ring_path

CAP = 1024
REFUSED = r"it is (not a regular file|a symbolic link)"
LONG = b"".join(b"line %d\n" % n for n in range(300))


def plant_pipe(place: Path) -> None:
    place.unlink(missing_ok=True)
    os.mkfifo(place)


def plant_link(place: Path) -> None:
    place.unlink(missing_ok=True)
    place.symlink_to(place.parent / "precious")


PLANTS = pytest.mark.parametrize("plant", [plant_pipe, plant_link], ids=["pipe", "link"])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "precious").write_text("precious")
    return tmp_path / "1.log"


def content(log: Path) -> bytes:
    return b"".join(LogReader(log).read())


@PLANTS
@pytest.mark.parametrize("place", [Path, ring_path], ids=["log", "tail"])
def test_what_stands_at_the_place_of_a_new_log_is_replaced(
    log: Path, plant: Callable[[Path], None], place: Callable[[Path], Path]
) -> None:
    plant(place(log))
    file = LogFile(log, CAP)
    file.write(LONG)
    assert content(log).endswith(b"line 299\n")
    file.close()
    assert content(log).endswith(b"line 299\n")
    assert (log.parent / "precious").read_text() == "precious"


@PLANTS
@pytest.mark.parametrize("place", [Path, ring_path], ids=["log", "tail"])
def test_what_is_put_in_the_place_of_a_log_keeps_neither_its_writer_nor_its_reader(
    log: Path, plant: Callable[[Path], None], place: Callable[[Path], Path]
) -> None:
    file = LogFile(log, CAP)
    file.write(LONG)
    plant(place(log))
    with pytest.raises(OSError, match=REFUSED):
        content(log)
    with pytest.raises(OSError, match=REFUSED):
        join_log(log)
    file.write(LONG)
    file.close()
    assert (log.parent / "precious").read_text() == "precious"
    remove_log(log)
    assert [path.name for path in log.parent.iterdir()] == ["precious"]


def test_a_folder_of_logs_that_is_a_link_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "1.log").write_text("precious")
    folder = tmp_path / "logs" / "job"
    folder.parent.mkdir()
    folder.symlink_to(other)
    file = LogFile(folder / "1.log", CAP)
    with caplog.at_level(logging.WARNING):
        file.write(b"text")
    file.close()
    with pytest.raises(OSError, match="it is a symbolic link"):
        content(folder / "1.log")
    with pytest.raises(OSError, match="it is a symbolic link"):
        remove_log(folder / "1.log")
    assert LogFolders(tmp_path / "logs").older_than(float("inf"), 10) == {}
    assert [path.read_text() for path in other.iterdir()] == ["precious"]
    assert "1.log ends early: it is a symbolic link" in caplog.text
