"""What the system tells of a process."""

import os
import sys
from uuid import uuid4

import pytest
from support.processes import SLEEPER, Spawner, has_ended

from jeeves_runner.execute.local.hunt import terminate_escaped
from jeeves_runner.execute.local.processes import boot_id, read_stat, start_ticks, start_ticks_between

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


def test_a_process_without_any_environment_is_passed_by(spawn: Spawner) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    _, nameless = spawn(f"exec env -i {sys.executable} -c '{code}'", uuid4().hex)
    stat = read_stat(nameless)
    assert stat is not None
    assert stat.environment[0] == stat.environment[1] != 0
    assert terminate_escaped(uuid4().hex, os.getpid()) == 0
    assert not has_ended(nameless)


def test_start_ticks_tell_processes_apart_and_stay(spawn: Spawner) -> None:
    process, pid = spawn(SLEEPER)
    assert pid == process.pid
    assert start_ticks(pid) == start_ticks(pid)
    assert start_ticks(pid) != start_ticks(1)
    process.kill()
    process.wait()
    assert start_ticks(pid) is None


def test_a_name_with_parentheses_and_spaces_does_not_confuse(spawn: Spawner) -> None:
    rename = "import ctypes, os, time; ctypes.CDLL(None).prctl(15, b'a) R (b c')"
    code = f"{rename}; print(os.getpid(), flush=True); time.sleep(600)"
    process, pid = spawn(f'exec {sys.executable} -c "{code}"')
    stat = read_stat(pid)
    assert stat is not None
    assert (stat.group, stat.session) == (process.pid, process.pid)
    assert stat.state in "RS"
    assert stat.started >= int(start_ticks(os.getpid()) or 0)


def test_readings_of_the_clock_within_one_tick_stand_for_the_kernels_answer(spawn: Spawner) -> None:
    process, _ = spawn(SLEEPER)
    assert start_ticks_between(process.pid, 12.3401, 12.3499) == "1234"
    assert start_ticks_between(process.pid, 12.34, 12.35) == start_ticks(process.pid)


def test_the_boot_has_one_id() -> None:
    assert len(boot_id()) == 36
