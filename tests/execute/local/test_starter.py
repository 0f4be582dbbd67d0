"""The starter: what becomes of runs when it dies, when the runner dies, and when there is none."""

import asyncio
import marshal
import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.launches import Collected, launch, linux_only, run
from support.server import until
from support.starters import pid_of, play, stopped, under_way

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.outcome import Exited, Lost
from jeeves_runner.execute.local import orphans, starter_main, starter_process
from jeeves_runner.execute.local.direct import DirectSpawner
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.message_socket import encode
from jeeves_runner.execute.local.processes import read_stat
from jeeves_runner.execute.local.spawn import raise_open_file_limit
from jeeves_runner.execute.local.starter import Starter
from jeeves_runner.execute.local.starter_pool import StarterPool

pytestmark = [linux_only, pytest.mark.usefixtures("nothing_left_behind")]


# The starter dies


def test_runs_outlive_the_starter_and_end_as_they_would(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(launcher: Launcher, starter: Starter) -> None:
        sink = Collected()
        handle = await launcher.start(launch("echo before; read x; echo after; exit 7"), sink)
        ended, _ = await run(launcher, launch("exit 3", 2))
        assert ended == Exited(code=3)
        slow = Collected()
        lasting = await launcher.start(launch("echo on; sleep 0.3; echo off; exit 5", 3), slow)
        await slow.until("on")
        first = pid_of(starter)
        os.kill(first, signal.SIGKILL)
        assert await launcher.wait(lasting.run_id) == Exited(code=5)
        assert slow.stdout == "on\noff\n"
        assert await launcher.wait(handle.run_id) == Exited(code=7)
        assert (await run(launcher, launch("exit 4", 4)))[0] == Exited(code=4)
        assert pid_of(starter) != first

    play(scenario)
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_run_that_ended_while_the_starter_died_keeps_its_exit_code() -> None:
    async def scenario(launcher: Launcher, starter: Starter) -> None:
        sink = Collected()
        handle = await launcher.start(launch("echo on; sleep 0.1; exit 6"), sink)
        await sink.until("on")
        pid = pid_of(starter)
        os.kill(pid, signal.SIGSTOP)
        async with asyncio.timeout(30):
            while not launcher.has_ended(handle.run_id):  # noqa: ASYNC110 - the kernel tells, there is no call
                await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        assert await launcher.wait(handle.run_id) == Exited(code=6)

    play(scenario)


def test_a_start_that_was_under_way_is_lost_and_nothing_of_it_is_left(tmp_path: Path) -> None:
    async def scenario(launcher: Launcher, starter: Starter) -> None:
        await run(launcher, launch("true"))
        async with stopped(starter) as pid:
            start = asyncio.create_task(launcher.start(launch(f": >{tmp_path}/made", 2), Collected()))
            await under_way(starter)
            os.kill(pid, signal.SIGKILL)
            handle = await start
        assert isinstance(await launcher.wait(handle.run_id), Lost)
        assert (handle.run_id, handle.pid) == (2, None)

    with pytest.raises(ProcessLookupError):  # to let it go on, at the end of the block
        play(scenario)
    assert list(tmp_path.iterdir()) == []


def test_in_a_burst_each_run_is_whole_or_lost() -> None:
    endings: list[object] = []

    async def scenario(launcher: Launcher, starter: Starter) -> None:
        async def one(run_id: int) -> None:
            ending, sink = await run(launcher, launch(f"echo {run_id}; sleep 0.05; exit 9", run_id))
            endings.append(ending)
            assert isinstance(ending, Lost) or (ending, sink.stdout) == (Exited(code=9), f"{run_id}\n")
            if run_id in (20, 60, 90):
                os.kill(pid_of(starter), signal.SIGKILL)

        await asyncio.gather(*(one(run_id) for run_id in range(150)))

    play(scenario)
    assert len(endings) == 150
    assert endings.count(Exited(code=9)) > 10


def test_signals_to_all_of_a_service_leave_the_starter_alone() -> None:
    async def scenario(launcher: Launcher, starter: Starter) -> None:
        await run(launcher, launch("true"))
        first = pid_of(starter)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(first, number)
        assert (await run(launcher, launch("kill -HUP $$", 2)))[0] == Exited(signal="SIGHUP")
        assert pid_of(starter) == first

    play(scenario)


def test_of_two_side_by_side_one_goes_on_while_the_other_is_replaced() -> None:
    async def scenario() -> None:
        clock = SystemClock()
        with closing(StarterPool(clock, DirectSpawner(clock))) as pool:
            launcher = Launcher(spawner=pool)
            runs = [asyncio.create_task(run(launcher, launch("sleep 0.1; exit 3", n))) for n in range(20)]
            await asyncio.gather(*runs[:4])
            one, other = (pid_of(starter) for starter in pool.starters)
            os.kill(one, signal.SIGKILL)
            endings = [ending for ending, _ in await asyncio.gather(*runs)]
            assert {type(ending) for ending in endings} <= {Exited, Lost}
            assert endings.count(Exited(code=3)) >= 10
            assert (await run(launcher, launch("exit 4", 99)))[0] == Exited(code=4)
            assert pid_of(pool.starters[1]) == other

    asyncio.run(scenario())


# The runner dies

RUNNER = """
import asyncio, os, signal, sys
from jeeves_runner.clock import SystemClock
from jeeves_runner.execute.local.direct import DirectSpawner
from jeeves_runner.execute.local.launch import Launch
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.starter import Starter
from jeeves_runner.execute.local.starter_pool import StarterPool

class Sink:
    def write(self, stream, data): pass

async def main():
    starter = Starter(SystemClock(), DirectSpawner(SystemClock()))
    launcher = Launcher(spawner=starter)
    order = lambda n, text: Launch(run_id=n, argv=("sh", "-c", text), env={}, cwd="/", mark=str(n))
    await launcher.wait((await launcher.start(order(1, "true"), Sink())).run_id)
    os.kill(starter.process.pid, signal.SIGSTOP)
    starts = [asyncio.create_task(launcher.start(order(n, ": >" + sys.argv[1]), Sink())) for n in (2, 3)]
    while len(starter.process.under_way) < 2:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    print(starter.process.pid, flush=True)
    await asyncio.gather(*starts)

asyncio.run(main())
"""


def test_once_the_runner_is_dead_the_starter_ends_and_starts_nothing_more(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(tmp_path / "made")], stdout=subprocess.PIPE
    ) as runner:
        assert runner.stdout is not None
        pid = int(runner.stdout.readline())
        pidfd = os.pidfd_open(pid)
        runner.kill()
    os.kill(pid, signal.SIGCONT)
    try:
        assert select.select([pidfd], [], [], 30)[0]
    finally:
        os.close(pidfd)
    orphans.none_left("no mark", 0)  # this process has inherited them, and reaps them
    assert list(tmp_path.iterdir()) == []


def test_a_starter_that_tells_a_dead_runner_of_an_exit_ends_without_a_word() -> None:
    ours, theirs = socket.socketpair()
    argv = [sys.executable, "-I", "-S", starter_main.__file__, str(theirs.fileno()), ""]
    with ours, subprocess.Popen(argv, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE) as starter:
        theirs.close()
        assert word_of(ours) == ("ready",)
        with Path(os.devnull).open("wb") as output:
            for key, program in enumerate(("sleep", "/gone")):
                order = encode("start", key, (program, "60"), dict(os.environb), "/")
                socket.send_fds(ours, [order], [output.fileno()] * 2)
        pid = word_of(ours)[2]
        assert word_of(ours)[0] == "failed"  # it watches the first one by now
        while (stat := read_stat(starter.pid)) is None or stat.state != "S":
            os.sched_yield()  # until it waits for what comes next
        pidfd = os.pidfd_open(pid)
        starter.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, starter.pid, os.WSTOPPED)
        os.kill(pid, signal.SIGKILL)
        assert select.select([pidfd], [], [], 30)[0]
        os.close(pidfd)
        ours.close()  # after the exit, so that the starter sees that first
        starter.send_signal(signal.SIGCONT)
        assert starter.stderr is not None
        assert starter.stderr.read() == b""
    assert starter.returncode == 0
    orphans.none_left("no mark", 0)


def word_of(sock: socket.socket) -> Any:
    """The next message of a starter."""
    (length,) = starter_main.LENGTH.unpack(sock.recv(starter_main.LENGTH.size))
    return marshal.loads(sock.recv(length))


# Callers who leave


def test_a_start_cancelled_under_way_leaves_no_process(tmp_path: Path) -> None:
    async def scenario(launcher: Launcher, starter: Starter) -> None:
        await run(launcher, launch("true"))
        temporary = tmp_path / "temporary"
        temporary.touch()
        async with stopped(starter):
            script = launch("sleep 600", 2, temporaries=(str(temporary),))
            start = asyncio.create_task(launcher.start(script, Collected()))
            await under_way(starter)
            start.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await start
        assert not temporary.exists()
        assert isinstance(await launcher.wait(2), Lost)

    play(scenario)


def test_a_start_cancelled_before_its_turn_is_none(tmp_path: Path) -> None:
    async def scenario(launcher: Launcher, _starter: Starter) -> None:
        start = asyncio.create_task(launcher.start(launch(f": >{tmp_path}/made"), Collected()))
        await asyncio.sleep(0)
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        assert (await run(launcher, launch("exit 2", 2)))[0] == Exited(code=2)

    play(scenario)
    assert list(tmp_path.iterdir()) == []


# No starter


@pytest.mark.parametrize("fault", ["no interpreter", "it ends at once"])
def test_without_a_starter_programs_are_started_directly(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(launcher: Launcher, starter: Starter) -> None:
        with monkeypatch.context() as patch:
            if fault == "no interpreter":
                patch.setattr(sys, "executable", str(tmp_path / "gone"))
            else:
                patch.setattr(starter_process, "_PROGRAM", tmp_path / "gone")
            endings = await asyncio.gather(*(run(launcher, launch(f"exit {n}", n)) for n in range(5)))
        assert [ending for ending, _ in endings] == [Exited(code=n) for n in range(5)]
        assert starter.process is None

    play(scenario)
    assert caplog.records[-1].levelname == "WARNING"
    assert "started directly" in caplog.records[-1].getMessage()


def test_a_start_is_made_also_where_the_next_attempt_at_a_starter_is_due_in_its_very_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(launcher: Launcher, starter: Starter) -> None:
        monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
        ended = asyncio.create_task(run(launcher, launch("exit 3")))
        async with asyncio.timeout(30):
            while not starter.orders:  # noqa: ASYNC110 - within turns of the loop
                await asyncio.sleep(0)
            starter._is_useless_until = 0.0
            assert (await ended)[0] == Exited(code=3)

    play(scenario)


# Times and numbers


def test_the_span_is_that_of_the_process_however_busy_the_runner_is() -> None:
    async def scenario(launcher: Launcher, starter: Starter) -> None:
        await run(launcher, launch("true"))
        clock = SystemClock()
        before = clock.now()
        start = asyncio.create_task(launcher.start(launch("sleep 0.1", 2), Collected()))
        await under_way(starter)
        until(lambda: b"exited" in unheard_of(starter))  # the event loop is kept from its work
        over = clock.now()
        time.sleep(0.1)  # noqa: ASYNC251 - and for longer than that
        ending = await launcher.wait((await start).run_id)
        assert isinstance(ending, Exited)
        assert ending.span is not None
        lasted = timedelta(milliseconds=ending.span.duration_ms)
        assert lasted >= timedelta(milliseconds=100)
        assert before <= ending.span.started_at
        assert ending.span.started_at + lasted <= over + timedelta(milliseconds=2)  # both are rounded

    play(scenario)


def unheard_of(starter: Starter) -> bytes:
    """What its process has said, and was not read yet."""
    assert starter.process is not None
    try:
        return starter.process._socket._sock.recv(1 << 16, socket.MSG_PEEK)
    except BlockingIOError:
        return b""


def test_the_output_of_a_thousand_at_once_arrives_whole() -> None:
    async def scenario(launcher: Launcher, _starter: Starter) -> None:
        async def one(run_id: int) -> None:
            text = f"echo out {run_id}; echo err {run_id} >&2; exit {run_id % 100}"
            ending, sink = await run(launcher, launch(text, run_id))
            assert ending == Exited(code=run_id % 100)
            assert sink.streams["stdout"] == b"out %d\n" % run_id
            assert sink.streams["stderr"] == b"err %d\n" % run_id

        await asyncio.gather(*(one(run_id) for run_id in range(1000)))

    raise_open_file_limit()
    play(scenario)


def test_a_program_gets_no_descriptors_but_its_own_three() -> None:
    """Over the starter's socket go the secrets of all runs."""

    async def scenario(launcher: Launcher, starter: Starter) -> None:
        _, sink = await run(launcher, launch("ls /proc/$$/fd; true"))
        assert sorted(sink.stdout.split()) == ["0", "1", "2"]

    play(scenario)


def test_a_program_gets_the_default_of_every_signal() -> None:
    async def scenario(launcher: Launcher, starter: Starter) -> None:  # whose own Python ignores two
        _, sink = await run(launcher, launch("exec grep SigIgn /proc/self/status"))
        of_the_c_library = 1 << 31 | 1 << 32
        assert int(sink.stdout.split()[1], 16) & ~of_the_c_library == 0

    play(scenario)


def test_another_starter_comes_at_once_also_while_runs_live() -> None:
    async def scenario(launcher: Launcher, starter: Starter) -> None:
        lasting = await launcher.start(launch("exec sleep 60"), Collected())
        first = pid_of(starter)
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(30):
            while starter.process is None or pid_of(starter) == first:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
            assert (await run(launcher, launch("exit 4", 2)))[0] == Exited(code=4)
        await launcher.cancel(lasting.run_id, 0)
        assert await launcher.wait(lasting.run_id) == Exited(signal="SIGKILL")

    play(scenario)


def test_what_is_no_message_ends_the_starter_and_not_the_runner() -> None:
    async def scenario(launcher: Launcher, starter: Starter) -> None:
        await run(launcher, launch("true"))
        first = pid_of(starter)
        for nonsense in (b"hello, world", b"\0\0\0\1X"):
            assert starter.process is not None
            starter.process._socket._received = nonsense  # as if it had come before the next answer
            async with asyncio.timeout(30):
                assert isinstance((await run(launcher, launch("true", 2)))[0], Lost)
                assert (await run(launcher, launch("exit 4", 3)))[0] == Exited(code=4)
        assert pid_of(starter) != first

    play(scenario)
