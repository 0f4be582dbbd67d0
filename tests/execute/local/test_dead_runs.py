"""A dead runner's run: what is certainly its own is ended, and what may be another's is left alive."""

import asyncio
import os
import shutil
import signal
from pathlib import Path
from uuid import uuid4

import pytest
from support.launches import launch, linux_only, run_once
from support.processes import DAEMON, NAMELESS, SLEEPER, Process, Spawner, has_ended, kill

from jeeves_runner.execute.local.launch import LocalHandle
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.leftovers import Ended, end_leftovers
from jeeves_runner.execute.local.origin import Origin
from jeeves_runner.execute.local.processes import start_ticks
from jeeves_runner.execute.local.roster import Roster

pytestmark = linux_only


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "runner.sqlite"
    path.touch()
    return path


@pytest.fixture
def here(database: Path) -> Origin:
    return Origin.here(database)


@pytest.fixture
def mark() -> str:
    return uuid4().hex


def noted(mark: str, leader: Process, origin: Origin | None) -> LocalHandle:
    """What a runner has noted of a run whose leader this is."""
    return LocalHandle(7, mark, leader.pid, start_ticks(leader.pid), origin)


# What is its own


@pytest.mark.parametrize("is_noted", [True, False], ids=["noted", "not noted"])
def test_what_bears_the_mark_and_names_the_database_is_ended(
    spawn: Spawner, here: Origin, mark: str, is_noted: bool
) -> None:
    leader, daemon = spawn(DAEMON.format(then="exec sleep 600"), mark, here.database)
    known = noted(mark, leader, here) if is_noted else LocalHandle(7, mark)
    assert end_leftovers(known, here) == Ended(2)
    assert leader.wait() == -signal.SIGKILL
    assert has_ended(daemon)


def test_a_member_of_the_session_is_ended_without_a_mark_while_its_leader_lives(
    spawn: Spawner, here: Origin, mark: str
) -> None:
    leader, nameless = spawn(NAMELESS.format(then="wait"), mark, here.database)
    assert end_leftovers(noted(mark, leader, here), here) == Ended(2)
    assert leader.wait() == -signal.SIGKILL
    assert has_ended(nameless)


def test_a_leader_that_has_cleared_its_environment_is_known_by_what_was_noted(
    spawn: Spawner, here: Origin, mark: str
) -> None:
    leader, _ = spawn(f"exec env -i sh -c '{SLEEPER}'", mark, here.database)
    assert end_leftovers(noted(mark, leader, here), here) == Ended(1)
    assert leader.wait() == -signal.SIGKILL


# What may be another's


def test_a_session_without_its_leader_is_left_alive_and_named(
    spawn: Spawner, here: Origin, mark: str
) -> None:
    leader, nameless = spawn(NAMELESS.format(then="exit 0"), mark, here.database)
    known = noted(mark, leader, here)
    leader.wait()
    assert end_leftovers(known, here) == Ended(
        0, f"left alive, since they may be another's: processes {nameless}"
    )
    assert not has_ended(nameless)
    kill(nameless)


def test_in_such_a_session_what_bears_the_mark_is_ended(spawn: Spawner, here: Origin, mark: str) -> None:
    leader, member = spawn(f"sh -c '{SLEEPER}' & exit 0", mark, here.database)
    known = noted(mark, leader, here)
    leader.wait()
    assert end_leftovers(known, here) == Ended(1)
    assert has_ended(member)


@pytest.mark.parametrize("ticks", [-1, +1])
def test_a_number_that_was_given_to_another_is_not_touched(
    spawn: Spawner, here: Origin, mark: str, ticks: int
) -> None:
    stranger, _ = spawn(SLEEPER)
    known = noted(mark, stranger, here)
    known = known._replace(pid_started=str(int(known.pid_started or 0) + ticks))
    assert end_leftovers(known, here) == Ended(0)
    assert stranger.poll() is None


@pytest.mark.parametrize(
    "elsewhere", [{"boot_id": "another"}, {"pid_namespace": "pid:[1] 1"}, {"pid_namespace": None}]
)
def test_a_number_of_another_boot_or_container_is_not_touched(
    spawn: Spawner, here: Origin, mark: str, elsewhere: dict[str, str | None]
) -> None:
    stranger, _ = spawn(SLEEPER)
    known = noted(mark, stranger, here._replace(**elsewhere))  # type: ignore[arg-type]
    assert end_leftovers(known, here) == Ended(0)
    assert stranger.poll() is None


def test_a_session_member_that_bears_another_runs_mark_is_not_touched(
    spawn: Spawner, here: Origin, mark: str
) -> None:
    leader, other = spawn(f"JR_RUN_MARK=other sh -c '{SLEEPER}' & wait", mark, here.database)
    assert end_leftovers(noted(mark, leader, here), here) == Ended(1)
    assert leader.wait() == -signal.SIGKILL
    assert not has_ended(other)
    kill(other)


@pytest.mark.parametrize("variable", ["JR_DB_PATH=/elsewhere/runner.sqlite", "JR_DB_PATH=", "X=1"])
def test_what_bears_the_mark_and_does_not_name_the_database_is_left_alive(
    spawn: Spawner, here: Origin, mark: str, variable: str
) -> None:
    process, pid = spawn(f"exec env {variable} sh -c '{SLEEPER}'", mark)
    killed, left_alive = end_leftovers(LocalHandle(7, mark), here)
    assert killed == 0
    assert left_alive is not None
    assert str(pid) in left_alive
    assert ("/elsewhere/runner.sqlite" in left_alive) == ("elsewhere" in variable)
    assert process.poll() is None


def test_a_row_without_a_mark_is_nobodys(spawn: Spawner, here: Origin) -> None:
    process, _ = spawn(f"exec env JR_RUN_MARK= sh -c '{SLEEPER}'", None, here.database)
    assert end_leftovers(LocalHandle(7, ""), here) == Ended(0)
    assert process.poll() is None


# Copies of the database


@pytest.mark.parametrize("is_noted", [True, False], ids=["noted", "not noted"])
@pytest.mark.parametrize("script", [SLEEPER, f"exec env -i sh -c '{SLEEPER}'"], ids=["marked", "nameless"])
def test_in_a_copy_nothing_of_the_originals_runs_is_touched(
    spawn: Spawner, here: Origin, mark: str, tmp_path: Path, script: str, is_noted: bool
) -> None:
    live, _ = spawn(script, mark, here.database)
    copy = Origin.here(shutil.copy(here.database, tmp_path / "copy.sqlite"))
    known = noted(mark, live, here) if is_noted else LocalHandle(7, mark)
    killed, left_alive = end_leftovers(known, copy)
    assert killed == 0
    assert live.poll() is None
    if is_noted or script == SLEEPER:
        assert left_alive is not None
        assert here.database in left_alive


def test_a_copy_at_the_originals_path_is_another_file(
    spawn: Spawner, here: Origin, mark: str, database: Path, tmp_path: Path
) -> None:
    live, pid = spawn(SLEEPER, mark, here.database)
    database.rename(tmp_path / "moved.sqlite")
    shutil.copy(tmp_path / "moved.sqlite", database)
    assert end_leftovers(noted(mark, live, here), Origin.here(database)) == Ended(
        0, f"it was started from another file at {database}, whose processes are left alone: {pid}"
    )
    assert live.poll() is None


def test_a_database_that_was_moved_is_not_where_its_processes_belong(
    spawn: Spawner, here: Origin, mark: str, database: Path
) -> None:
    live, _ = spawn(SLEEPER, mark, here.database)
    moved = Origin.here(database.rename(database.with_name("moved.sqlite")))
    assert end_leftovers(noted(mark, live, here), moved).killed == 0
    assert live.poll() is None


def test_a_path_is_followed_to_the_real_file(database: Path, here: Origin, tmp_path: Path) -> None:
    (tmp_path / "link.sqlite").symlink_to(database)
    assert Origin.here(tmp_path / "link.sqlite") == here


# The launcher


def test_a_handle_that_was_not_recorded_is_found_in_the_roster(
    spawn: Spawner, database: Path, mark: str
) -> None:
    leader, _ = spawn(f"exec env -i sh -c '{SLEEPER}'", mark, database)
    dead = Roster(database)
    dead.note(noted(mark, leader, dead.origin))
    assert asyncio.run(Launcher(roster=Roster(database)).end_left(LocalHandle(7, mark))) == Ended(1)
    assert leader.wait() == -signal.SIGKILL


def test_recovery_ends_what_is_left(spawn: Spawner, database: Path, mark: str) -> None:
    leader, _ = spawn("sleep 600 & setsid sleep 600 & echo $$; wait", mark, database)
    ended = asyncio.run(Launcher(roster=Roster(database)).end_left(LocalHandle(7, mark)))
    assert ended.killed > 1
    assert leader.wait() == -signal.SIGKILL
    run_once(launch("exit 0"))  # reaps what the dead leader left to this process


def test_where_proc_shows_another_namespace_nobody_is_touched(
    spawn: Spawner, here: Origin, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its numbers are not those that signals go to."""
    live, _ = spawn(SLEEPER, mark, here.database)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert end_leftovers(LocalHandle(7, mark), here) == Ended(0)
    assert live.poll() is None
