"""Nothing outlives its run, and no other process is harmed."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.launches import (
    SILENT,
    Collected,
    daemon,
    is_alive,
    launch,
    linux_only,
    python,
    run_in,
    run_once,
)
from support.processes import has_ended

from jeeves_runner.core.outcome import Exited
from jeeves_runner.execute.contract import StreamName
from jeeves_runner.execute.local import hunt, orphans
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.processes import read_proc

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

# Nothing outlives its run


def test_a_child_in_the_background_ends_with_the_run(executor: Launcher) -> None:
    ending, sink = run_once(launch("sleep 600 >/dev/null 2>&1 & echo $!"), executor)
    assert ending == Exited(code=0)
    assert not is_alive(int(sink.stdout))


def test_a_child_that_holds_the_pipe_delays_the_end_only_by_the_drain(executor: Launcher) -> None:
    ending, sink = run_once(launch("sleep 600 & echo $!; exit 3"), executor)
    assert ending == Exited(code=3)
    assert not is_alive(int(sink.stdout))


def test_what_a_child_writes_within_the_drain_still_arrives() -> None:
    ending, sink = run_once(launch("(sleep 0.1; echo late) & echo early"), Launcher(drain=10))
    assert (ending, sink.stdout) == (Exited(code=0), "early\nlate\n")


def test_a_child_that_floods_the_pipe_leaves_the_loop_its_turns(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "written")
    flood = f"while :; do echo y; echo >&3; done 3>{tmp_path / 'written'}"

    class Counting:
        """How many chunks came in the turn of the loop that had the most. After each the pipe holds more."""

        def __init__(self) -> None:
            self.most = self._now = 0
            self._unread = 0

        def write(self, stream: StreamName, data: bytes) -> None:
            self._unread -= data.count(b"\n")
            while self._unread <= 0 and os.read(written, 1):  # which ends with the child
                self._unread += 1
            if self._now == 0:
                asyncio.get_running_loop().call_soon(self._count)
            self._now += 1

        def _count(self) -> None:
            self.most, self._now = max(self.most, self._now), 0

    async def scenario() -> int:
        executor, sink = Launcher(drain=0.1), Counting()
        await executor.wait((await executor.start(launch(f"{flood} & sleep 0.1; exit 0"), sink)).run_id)
        return sink.most

    written = os.open(tmp_path / "written", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(written, True)
    try:
        assert asyncio.run(scenario()) <= 5
    finally:
        os.close(written)


def test_a_child_that_floods_the_pipe_is_ended_before_the_drain_is_over() -> None:
    ending, sink = run_once(launch("yes & exit 0"), Launcher(drain=600))
    assert ending == Exited(code=0)
    assert len(sink.stdout) < 64 * 1024 * 1024


@linux_only
def test_a_child_without_any_environment_ends_with_the_run_where_orphans_cannot_be_adopted(
    executor: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on systems without a subreaper: nothing but its group tells whose it is."""
    assert orphans.become_subreaper()  # which stays: so this test can reap what the run has left
    monkeypatch.setattr(orphans, "become_subreaper", lambda: False)
    ending, sink = run_once(launch("env -i sleep 600 >/dev/null 2>&1 & echo $!"), executor)
    assert ending == Exited(code=0)
    assert has_ended(int(sink.stdout), within=10)
    os.waitpid(int(sink.stdout), 0)


@linux_only
@pytest.mark.parametrize("disguise", ["", SILENT, "os.execvp('sleep', ['innocent', '600'])"])
def test_a_daemon_that_forked_twice_is_dead_when_the_run_has_ended(executor: Launcher, disguise: str) -> None:
    if "exec" in disguise:
        disguise = f"os.write(writer, str(os.getpid()).encode()); {SILENT}; {disguise}"
    ending, sink = run_once(daemon(disguise), executor)
    assert ending == Exited(code=0)
    assert not is_alive(int(sink.stdout))


@linux_only
def test_daemons_of_daemons_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hunt, "_AT_MOST", 100)
    depth = 120
    code = (
        "import os, time\n"
        f"for _ in range({depth}):\n"
        "    if os.fork(): time.sleep(600)\n"
        "    os.setsid()\n"
        "    print(os.getpid(), flush=True)\n"
        "time.sleep(600)\n"
    )

    async def scenario() -> None:
        executor, sink = Launcher(drain=0.1), Collected()
        handle = await executor.start(launch("", argv=python(code)), sink)
        await sink.until("\n", times=depth)
        await executor.cancel(handle.run_id, 0)
        await executor.wait(handle.run_id)
        assert [pid for pid in map(int, sink.stdout.split()) if is_alive(pid)] == []

    asyncio.run(scenario())


NESTED = f"""
import os, time
{SILENT.replace("(0, 1, 2)", "(0, 1)")}
reader, writer = os.pipe()
if os.fork() == 0:
    for _ in range(DEPTH):
        os.setsid()
        if os.fork():
            time.sleep(600)
        os.write(writer, b"%d " % os.getpid())
    time.sleep(600)
pids = b""
while pids.count(b" ") < DEPTH:
    pids += os.read(reader, 1000)
os.write(2, pids)
"""
"""A chain of processes, each in a session of its own: the death of one reveals the next alone."""


@linux_only
def test_a_chain_of_sessions_of_any_length_ends_with_the_run(
    executor: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hunt, "_AT_MOST", 100)
    depth = 150
    ending, sink = run_once(launch("", argv=python(NESTED.replace("DEPTH", str(depth)))), executor)
    assert ending == Exited(code=0)
    pids = [int(pid) for pid in sink.streams["stderr"].split()]
    assert len(pids) == depth
    assert [pid for pid in pids if is_alive(pid)] == []


@linux_only
def test_a_daemon_is_found_although_no_descriptor_was_free_at_first(
    executor: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([None, None])
    monkeypatch.setattr(orphans, "read_proc", lambda path: next(answers, read_proc(path)))
    ending, sink = run_once(daemon(), executor)
    assert ending == Exited(code=0)
    assert not is_alive(int(sink.stdout))


@linux_only
def test_what_cannot_be_seen_for_want_of_a_descriptor_is_not_said_to_be_left(
    executor: Launcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hunt, "_WITHOUT_PROGRESS", 0.1)
    monkeypatch.setattr(orphans, "read_proc", lambda _path: None)
    ending, _ = run_once(launch("exit 3"), executor)
    assert ending == Exited(code=3)
    (message,) = caplog.messages
    assert "cannot be seen: no descriptor is free" in message


@linux_only
def test_a_daemon_that_ended_by_itself_is_reaped() -> None:
    run_once(daemon(SILENT + "; os.write(writer, b'1'); os._exit(0)"))
    # The fixture finds the zombie if there is one.


@linux_only
def test_a_daemon_without_any_environment_does_not_hold_up_the_runs() -> None:
    async def scenario() -> int:
        executor, sink = Launcher(), Collected()
        then = "import os, sys, time; os.write(int(sys.argv[1]), b'%d' % os.getpid()); time.sleep(600)"
        program = f"os.execve({sys.executable!r}, ['python', '-c', {then!r}, str(writer)], {{}})"
        nameless = f"{SILENT}; os.set_inheritable(writer, True); {program}"
        await run_in(executor, daemon(nameless), sink)
        pid = int(sink.stdout)
        async with asyncio.timeout(30):
            for run_id in range(2, 30):
                await run_in(executor, launch("exit 0", run_id), Collected())
        return pid

    nameless_pid = asyncio.run(scenario())
    assert is_alive(nameless_pid)  # a documented limit
    os.kill(nameless_pid, signal.SIGKILL)
    os.waitpid(nameless_pid, 0)


# No other process is harmed


@linux_only
def test_other_runs_and_their_daemons_live_on() -> None:
    async def scenario() -> None:
        executor, other = Launcher(), Collected()
        script = daemon(SILENT, run_id=99)
        keep_open = script.argv[2] + "print('both up', flush=True); time.sleep(600)\n"
        handle = await executor.start(replace(script, argv=python(keep_open)), other)
        await other.until("both up")
        for run_id in range(20):
            sink = Collected()
            assert await run_in(executor, daemon(run_id=run_id), sink) == Exited(code=0)
            assert not is_alive(int(sink.stdout))
        daemon_pid = int(other.stdout.split()[0])
        assert handle.pid is not None
        assert is_alive(handle.pid)
        assert is_alive(daemon_pid)
        await executor.cancel(handle.run_id, 0)
        await executor.wait(handle.run_id)
        assert not is_alive(daemon_pid)

    asyncio.run(scenario())


def test_other_children_of_this_process_are_neither_killed_nor_reaped() -> None:
    living = subprocess.Popen(["sleep", "600"])
    own_session = subprocess.Popen(["sleep", "600"], start_new_session=True)
    ended = subprocess.Popen(["sh", "-c", "exit 9"])
    try:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        for run_id in range(5):
            run_once(daemon(run_id=run_id))
        assert living.poll() is None
        assert own_session.poll() is None
        assert ended.wait() == 9
    finally:
        for process in (living, own_session):
            process.kill()
            process.wait()
