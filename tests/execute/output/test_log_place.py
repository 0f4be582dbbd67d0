"""What a script has put where logs are: it is replaced or refused, is not waited for, leads nowhere."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.logs import log_place, ring_file

from jeeves_runner.core.values import is_id
from jeeves_runner.execute.output.log_file import LogFile, join_log, remove_log
from jeeves_runner.execute.output.log_folders import LogFolders
from jeeves_runner.execute.output.log_place import LogPlace
from jeeves_runner.execute.output.log_reader import LogReader

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
FILES = pytest.mark.parametrize("file", [lambda log: log.path, ring_file], ids=["log", "tail"])


@pytest.fixture
def log(tmp_path: Path) -> LogPlace:
    place = log_place(tmp_path)
    (place.path.parent / "precious").write_text("precious")
    return place


def content(log: LogPlace) -> bytes:
    return b"".join(LogReader(log).read())


@PLANTS
@FILES
def test_what_stands_at_the_place_of_a_new_log_is_replaced(
    log: LogPlace, plant: Callable[[Path], None], file: Callable[[LogPlace], Path]
) -> None:
    plant(file(log))
    writer = LogFile(log, CAP)
    writer.write(LONG)
    assert content(log).endswith(b"line 299\n")
    writer.close()
    assert content(log).endswith(b"line 299\n")
    assert (log.path.parent / "precious").read_text() == "precious"


@PLANTS
@FILES
def test_what_is_put_in_the_place_of_a_log_keeps_neither_its_writer_nor_its_reader(
    log: LogPlace, plant: Callable[[Path], None], file: Callable[[LogPlace], Path]
) -> None:
    writer = LogFile(log, CAP)
    writer.write(LONG)
    plant(file(log))
    with pytest.raises(OSError, match=REFUSED):
        content(log)
    with pytest.raises(OSError, match=REFUSED):
        join_log(log)
    writer.write(LONG)
    writer.close()
    assert (log.path.parent / "precious").read_text() == "precious"
    remove_log(log)
    assert [path.name for path in log.path.parent.iterdir()] == ["precious"]


def test_a_log_that_is_another_name_of_a_file_is_not_joined_into_it(log: LogPlace) -> None:
    """A log left in two parts is put together where it stands."""
    LogFile(log, CAP).write(LONG)
    log.path.unlink()
    os.link(log.path.parent / "precious", log.path)
    with pytest.raises(OSError, match="it is a file of several names"):
        join_log(log)
    assert (log.path.parent / "precious").read_text() == "precious"


@pytest.mark.parametrize("link", ["logs", "logs/a"])
def test_nothing_is_made_read_or_removed_beyond_a_link_in_place_of_a_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, link: str
) -> None:
    """Beyond it everything is named as logs are, and is old."""
    other = log_place(tmp_path / "other")
    other.path.write_text("precious")
    ring_file(other).write_text("precious")
    data = tmp_path / "data"
    (data / link).parent.mkdir(parents=True)
    (data / link).symlink_to(tmp_path / "other" / link)
    place = LogPlace(str(data), "a", 1)
    for run_id in (1, 2):
        writer = LogFile(place._replace(run_id=run_id), CAP)
        with caplog.at_level(logging.WARNING):
            writer.write(LONG)
        writer.close()
    for act in (content, join_log, remove_log):
        with pytest.raises(OSError, match=f"the folder {data / link} cannot be used: it is a symbolic link"):
            act(place)
    assert LogFolders(str(data)).older_than(float("inf"), 10) == {}
    assert sorted(path.name for path in other.path.parent.iterdir()) == ["1.log", "1.log.tail"]
    assert other.path.read_text() == "precious"
    assert f"1.log ends early: the folder {data / link} cannot be used" in caplog.text


def test_the_data_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "data").symlink_to("real")
    place = LogPlace(str(tmp_path / "data"), "a", 1)
    writer = LogFile(place, CAP)
    writer.write(b"text")
    writer.close()
    assert content(place) == b"text"
    assert (tmp_path / "real" / "logs" / "a" / "1.log").read_text() == "text"


HOSTILE_IDS = st.one_of(
    st.sampled_from(["..", ".", "", "a/../..", "../other", "/etc", "a\0", "A", ".a", "a\n"]), st.text()
)


@given(job_id=HOSTILE_IDS)
def test_an_id_that_is_none_leads_nowhere(tmp_path_factory: pytest.TempPathFactory, job_id: str) -> None:
    assume(not is_id(job_id))
    place = LogPlace(str(tmp_path_factory.getbasetemp()), job_id, 1)
    for act in (content, join_log, remove_log, lambda it: LogFile(it, CAP).write(b"text")):
        refused(act, place)


@pytest.mark.parametrize("run_id", [0, -1])
def test_nor_does_a_number_that_is_no_run(log: LogPlace, run_id: int) -> None:
    refused(content, log._replace(run_id=run_id))


def refused(act: Callable[[LogPlace], object], place: LogPlace) -> None:
    """Refused before anything is opened. A writer tells it in the log, and its run goes on."""
    opened = []
    before, os.open = os.open, lambda *words, **more: opened.append(words)  # type: ignore[assignment]
    try:
        act(place)
    except OSError as error:
        assert error.strerror == "no run has such a log"  # noqa: PT017 - a writer raises none
    finally:
        os.open = before
    assert opened == []


def test_only_what_is_named_as_a_log_is_listed(tmp_path: Path) -> None:
    log = log_place(tmp_path, 7)
    for name in ("7.log", "07.log", "0.log", "-1.log", "7.log.tail", "seven.log", "1e3.log"):
        (log.path.parent / name).touch()
    for folder in ("A", "..a", "-"):
        (tmp_path / "logs" / folder).mkdir()
        (tmp_path / "logs" / folder / "8.log").touch()
    assert LogFolders(str(tmp_path)).older_than(float("inf"), 100) == {7: [log]}
