"""Finding and ending processes by their mark, and how long that goes on."""

import os
import select
import signal
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from support.clock import HandClock
from support.processes import DAEMON, SLEEPER, Spawner, end_of, has_ended

from jeeves_runner.execute.local.hunt import Persistence, kill_marked, terminate_escaped

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
        "from jeeves_runner.execute.local.hunt import kill_marked;"
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
    process, daemon = spawn(DAEMON.format(then="exec sleep 600"), mark)
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


def test_a_hunt_goes_on_while_what_it_finds_changes_and_for_half_a_minute_at_most() -> None:
    clock = HandClock()
    persistence = Persistence(clock)
    rounds = 0
    while not persistence.gives_up([rounds]):
        rounds += 1
        clock.advance(seconds=0.1)
    assert rounds == 300


def test_a_hunt_gives_up_on_what_does_not_end_within_five_seconds() -> None:
    clock = HandClock()
    persistence = Persistence(clock)
    assert not persistence.gives_up([1, 2])
    clock.advance(seconds=4)
    assert not persistence.gives_up([2])
    clock.advance(seconds=4)
    assert not persistence.gives_up([2])
    clock.advance(seconds=1)
    assert persistence.gives_up([2])
