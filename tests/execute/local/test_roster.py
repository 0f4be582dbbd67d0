"""The file that remembers which process works for which run, when all else is lost."""

import shutil
import stat
from pathlib import Path

import pytest

from jeeves_runner.execute.contract import Handle
from jeeves_runner.execute.local.launch import LocalHandle
from jeeves_runner.execute.local.origin import Origin
from jeeves_runner.execute.local.roster import Roster, read_roster, roster_path


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    path = tmp_path / "runner.sqlite"
    path.touch()
    return path


def process(number: int, origin: Origin | None = None) -> LocalHandle:
    return LocalHandle(
        run_id=number, mark=f"{number:032x}", pid=1000 + number, pid_started="12345", origin=origin
    )


def test_what_runs_is_known_to_the_next_runner_and_what_has_ended_is_not(db_path: Path) -> None:
    roster = Roster(db_path)
    for number in (1, 2, 3):
        roster.note(process(number))
    roster.forget(process(2).mark)
    here = Origin.here(db_path)
    assert Roster(db_path).left == {process(n).mark: process(n, here) for n in (1, 3)}


NO_PROCESS = ["x", True, 1.5, {}, [], -1, 0, 10**20, 2**31]


@pytest.mark.parametrize("pid", NO_PROCESS, ids=repr)
def test_a_number_that_no_process_can_have_names_none(pid: object) -> None:
    """Scripts may write it, into the run's row or into this file."""
    handle = LocalHandle.of(Handle("local", 7, {"pid": pid, "pid_started": "1"}), "mark")
    assert handle == LocalHandle(7, "mark", None, "1")


@pytest.mark.parametrize("started", [1, None, ["1"]], ids=repr)
def test_nor_does_a_start_that_is_no_text(started: object) -> None:
    assert LocalHandle.of(Handle("local", 7, {"pid": 9, "pid_started": started}), "mark").pid_started is None


@pytest.mark.parametrize("number", ["0", str(2**31), "9" * 40])
def test_a_slot_of_such_a_number_is_none(db_path: Path, number: str) -> None:
    roster = Roster(db_path)
    roster.note(process(1))
    head, slot = roster_path(db_path).read_bytes().split(b"\n", 1)
    spoilt = slot.replace(b"\t1001\t", f"\t{number}\t".encode())[:95].ljust(95)
    roster_path(db_path).write_bytes(head + b"\n" + spoilt + b"\n")
    assert read_roster(db_path) == {}


def test_its_copy_says_that_the_processes_are_the_originals(db_path: Path, tmp_path: Path) -> None:
    Roster(db_path).note(process(1))
    copy = tmp_path / "copy"
    shutil.copytree(db_path.parent, copy, ignore=lambda *_: ["copy"])
    (noted,) = Roster(copy / db_path.name).left.values()
    assert noted.origin is not None
    assert noted.origin.database == str(db_path)
    assert not noted.origin.is_of_same_database(Origin.here(copy / db_path.name))


def test_it_is_the_owners_alone_and_grows_with_what_runs_at_once_not_with_what_ever_ran(
    db_path: Path,
) -> None:
    roster = Roster(db_path)
    for number in range(1000):
        roster.note(process(number))
        roster.note(process(number + 1000))
        roster.forget(process(number).mark)
        roster.forget(process(number + 1000).mark)
    found = roster_path(db_path).stat()
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_size < 1000
    assert read_roster(db_path) == {}


@pytest.mark.parametrize("damage", [b"", b"\0" * 500, b"\xff" * 77, b"1\t2\t3\n" * 40])
def test_a_damaged_file_names_nobody(db_path: Path, damage: bytes) -> None:
    roster_path(db_path).write_bytes(damage)
    roster = Roster(db_path)
    assert roster.left == {}
    roster.note(process(1))
    assert list(read_roster(db_path)) == [process(1).mark]


def test_a_file_that_cannot_be_written_keeps_nothing_from_running(
    db_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    roster_path(db_path).mkdir()
    roster = Roster(db_path)
    roster.note(process(1))
    roster.forget(process(1).mark)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_runner_that_has_been_replaced_does_not_touch_its_successors_file(db_path: Path) -> None:
    old = Roster(db_path)
    old.note(process(1))
    new = Roster(db_path)
    new.note(process(2))
    old.forget(process(1).mark)
    assert list(read_roster(db_path)) == [process(2).mark]


def test_a_text_too_long_for_its_place_is_left_out(db_path: Path) -> None:
    roster = Roster(db_path)
    roster.note(process(1)._replace(mark="m" * 200))
    assert read_roster(db_path) == {}


def test_a_handle_passes_through_the_database_as_text(db_path: Path) -> None:
    handle = process(1, Origin.here(db_path))
    assert LocalHandle.of(Handle.from_json(1, handle.opaque().as_json()), handle.mark) == handle
