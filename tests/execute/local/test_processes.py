"""Finding and ending processes by their mark, and what the system tells of a process."""

import os
import select
import signal
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from support.processes import DAEMON, SLEEPER, Spawner, end_of, has_ended

from jeeves_runner.execute.local.processes import (
    boot_id,
    kill_marked,
    read_stat,
    start_ticks,
    start_ticks_between,
    terminate_escaped,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


def test_the_bearers_of_the_mark_are_killed_and_counted(spawn: Spawner) -> None:
    mark = uuid4().hex
    process, pid = spawn(SLEEPER, mark)
    assert kill_marked(mark) == 1
    assert process.wait() == -signal.SIGKILL
    assert has_ended(pid)
    assert kill_marked(mark) == 0


def test_a_daemon_in_a_session_of_its_own_is_found_by_its_mark(spawn: Spawner) -> None:
    mark = uuid4().hex
    _, daemon = spawn(DAEMON.format(then="exit 0"), mark)
    assert not has_ended(daemon)
    assert kill_marked(mark) >= 1
    assert has_ended(daemon)


def test_another_mark_is_another_run(spawn: Spawner) -> None:
    mark = uuid4().hex
    process, _ = spawn(SLEEPER, mark + "2")
    assert kill_marked(mark) == 0
    assert process.poll() is None


def test_this_process_is_spared_though_it_bears_the_mark(spawn: Spawner) -> None:
    mark = uuid4().hex
    code = (
        "import os; print(os.getpid(), flush=True);"
        "from jeeves_runner.execute.local.processes import kill_marked;"
        f"raise SystemExit(40 + kill_marked('{mark}'))"
    )
    script = f'exec {sys.executable} -c "{code}"'
    process, _ = spawn(f"cd {Path.cwd()} && PYTHONPATH=. {script}", mark)
    assert process.wait() == 40


def test_processes_born_while_others_die_are_found(spawn: Spawner) -> None:
    mark = uuid4().hex
    # Two that start each other anew whenever one ends, each in a session of its own.
    script = "trap '' TERM; f() { while :; do setsid sleep 0.01; done; }; f & f & f & echo $$; wait"
    process, _ = spawn(script, mark)
    assert kill_marked(mark) >= 4
    assert process.wait() == -signal.SIGKILL
    assert kill_marked(mark) == 0


def test_only_what_left_the_group_gets_the_term(spawn: Spawner) -> None:
    mark = uuid4().hex
    process, daemon = spawn(DAEMON.format(then="sleep 600"), mark)
    assert terminate_escaped(mark, process.pid) == 1
    pidfd = end_of(daemon)
    if pidfd is not None:
        assert select.select([pidfd], [], [], 10)[0]
        os.close(pidfd)
    assert process.poll() is None


def test_a_process_that_executes_itself_over_and_over_is_found_at_each_look(
    spawn: Spawner, tmp_path: Path
) -> None:
    # Amid an exec the kernel shows no environment; some of so many looks fall into one.
    again = tmp_path / "again.sh"
    again.write_text(f"exec sh {again}\n")
    mark = uuid4().hex
    process, _ = spawn(f"trap '' TERM; echo $$; exec sh {again}", mark)
    assert [terminate_escaped(mark, os.getpid()) for _ in range(500)] == [1] * 500
    assert process.poll() is None


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
