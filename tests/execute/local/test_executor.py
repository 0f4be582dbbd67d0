"""Programs are started and watched to their end: real processes throughout."""

import asyncio
import contextlib
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from support.launches import Collected, daemon, is_alive, launch, linux_only, python, run, run_in, run_once

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.outcome import Ending, Exited, Lost
from jeeves_runner.execute.contract import StreamName
from jeeves_runner.execute.local import processes
from jeeves_runner.execute.local.direct import DirectSpawner
from jeeves_runner.execute.local.launcher import Launcher

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

# Ends


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_exit_codes(executor: Launcher, code: int) -> None:
    assert run_once(launch(f"exit {code}"), executor)[0] == Exited(code=code)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGSEGV"])
def test_a_signal_is_named(executor: Launcher, name: str) -> None:
    assert run_once(launch(f"kill -{name[3:]} $$"), executor)[0] == Exited(signal=name)


@linux_only
def test_a_signal_without_a_name_of_its_own() -> None:
    number = signal.SIGRTMIN + 3
    code = f"import os; os.kill(os.getpid(), {number})"
    assert run_once(launch("", argv=python(code)))[0] == Exited(signal="SIGRTMIN+3")


def test_both_streams_arrive_whole(executor: Launcher) -> None:
    _, sink = run_once(launch("echo out; echo err >&2; echo out again"), executor)
    assert sink.streams == {"stdout": b"out\nout again\n", "stderr": b"err\n"}


def test_ten_megabytes_arrive_whole(executor: Launcher) -> None:
    code = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 40960)"
    ending, sink = run_once(launch("", argv=python(code)), executor)
    assert ending == Exited(code=0)
    assert sink.streams["stdout"] == bytes(range(256)) * 40960


def test_the_last_words_before_the_exit_arrive(executor: Launcher) -> None:
    code = "import os; os.write(1, b'x' * 60000); os._exit(4)"
    ending, sink = run_once(launch("", argv=python(code)), executor)
    assert (ending, len(sink.stdout)) == (Exited(code=4), 60000)


def test_the_wait_answers_late_askers_and_strangers() -> None:
    async def scenario() -> None:
        executor, sink = Launcher(), Collected()
        handle = await executor.start(launch("sleep 0.1; exit 2"), sink)
        first, second = await asyncio.gather(executor.wait(handle.run_id), executor.wait(handle.run_id))
        assert first == second == Exited(code=2)
        assert isinstance(await executor.wait(handle.run_id), Lost)

    asyncio.run(scenario())


def test_a_cancelled_wait_leaves_the_run_alone_and_can_be_repeated() -> None:
    async def scenario() -> None:
        executor, sink = Launcher(), Collected()
        handle = await executor.start(launch("echo started; sleep 0.2; exit 5"), sink)
        waiter = asyncio.create_task(executor.wait(handle.run_id))
        await sink.until("started")
        waiter.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiter
        assert await executor.wait(handle.run_id) == Exited(code=5)

    asyncio.run(scenario())


def test_starting_a_live_run_again_starts_nothing() -> None:
    async def scenario() -> None:
        executor, sink = Launcher(), Collected()
        script = launch("echo once; sleep 0.1")
        handle = await executor.start(script, sink)
        assert await executor.start(script, sink) == handle
        await executor.wait(handle.run_id)
        assert sink.stdout == "once\n"

    asyncio.run(scenario())


def test_a_faulty_sink_does_not_keep_the_run_from_ending(caplog: pytest.LogCaptureFixture) -> None:
    class Faulty:
        def write(self, stream: StreamName, data: bytes) -> None:
            raise RuntimeError("the sink is broken")

    async def scenario() -> Ending:
        executor, sink = Launcher(), Faulty()
        return await executor.wait((await executor.start(launch("echo a; sleep 0.1; echo b"), sink)).run_id)

    assert asyncio.run(scenario()) == Exited(code=0)
    assert len([record for record in caplog.records if "is lost" in record.message]) == 1


# What the program finds


def test_the_environment_is_exactly_the_given_one() -> None:
    script = launch("", argv=("/usr/bin/env",), env={b"A": b"1", b"B": "ü\n2".encode()})
    assert run_once(script)[1].stdout == "A=1\nB=ü\n2\n"


def test_stdin_is_empty_and_the_folder_is_the_given_one(tmp_path: Path) -> None:
    assert run_once(launch("cat; pwd", cwd=str(tmp_path)))[1].stdout == f"{tmp_path}\n"


def test_arguments_arrive_as_they_are() -> None:
    argv = ("sh", "-c", 'printf "%s|" "$@"', "sh", "a b", "*", "", "ü")
    assert run_once(launch("", argv=argv))[1].stdout == "a b|*||ü|"


@linux_only
def test_no_descriptor_but_the_three_is_passed_on() -> None:
    script = launch("", argv=python("import os; print(sorted(os.listdir('/proc/self/fd')))"))
    listing = os.open("/", os.O_RDONLY)
    try:
        # The fourth is the listing of the folder itself.
        assert run_once(script)[1].stdout == "['0', '1', '2', '3']\n"
    finally:
        os.close(listing)


@linux_only
def test_the_handle_names_the_process() -> None:
    async def scenario() -> None:
        executor, sink = Launcher(), Collected()
        for run_id in range(30):
            script = launch("sleep 5", run_id)
            handle = await executor.start(script, sink)
            assert handle.pid is not None
            assert handle.pid_started == processes.start_ticks(handle.pid)
            assert handle.mark == script.mark
            await executor.cancel(handle.run_id, 0)
            await executor.wait(handle.run_id)

    asyncio.run(scenario())


# Many at once


def test_fifty_runs_at_once(executor: Launcher) -> None:
    async def one(run_id: int) -> None:
        script = launch(f"(sleep 0.0{run_id}; echo {run_id}) & wait; exit {run_id}", run_id)
        ending, sink = await run(executor, script)
        assert (ending, sink.stdout) == (Exited(code=run_id), f"{run_id}\n")

    async def scenario() -> None:
        await asyncio.gather(*(one(run_id) for run_id in range(50)))

    asyncio.run(scenario())


def test_of_many_starts_at_once_each_leaves_the_loop_a_turn() -> None:
    async def scenario() -> None:
        executor, turns, running = Launcher(), 0, True

        async def take_turns() -> None:
            nonlocal turns
            while running:
                turns += 1
                await asyncio.sleep(0)

        watcher = asyncio.create_task(take_turns())
        sink = Collected()
        starts = (executor.start(launch("exit 0", run_id), sink) for run_id in range(30))
        handles = await asyncio.gather(*starts)
        assert turns >= 30
        running = False
        await asyncio.gather(watcher, *(executor.wait(handle.run_id) for handle in handles))

    asyncio.run(scenario())


@linux_only
def test_many_runs_with_daemons_and_cancels_at_once() -> None:
    async def one(executor: Launcher, run_id: int) -> None:
        sink = Collected()
        script = daemon(run_id=run_id)
        if run_id % 2:
            script = replace(script, argv=python(script.argv[2] + "time.sleep(600)\n"))
        handle = await executor.start(script, sink)
        await sink.until("\n")
        if run_id % 2:
            await executor.cancel(handle.run_id, 0.05)
        ending = await executor.wait(handle.run_id)
        assert ending == (Exited(signal="SIGTERM") if run_id % 2 else Exited(code=0))
        assert not is_alive(int(sink.stdout))

    async def scenario() -> None:
        executor = Launcher()
        await asyncio.gather(*(one(executor, run_id) for run_id in range(24)))

    asyncio.run(scenario())


def test_two_loops_in_two_threads_do_not_reap_each_other() -> None:
    wrong: list[Ending] = []

    async def scenario() -> None:
        executor = Launcher()
        for run_id in range(40):
            ending = await run_in(executor, launch(f"exit {run_id}", run_id), Collected())
            if ending != Exited(code=run_id):
                wrong.append(ending)

    threads = [threading.Thread(target=asyncio.run, args=(scenario(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@linux_only
@pytest.mark.parametrize("use_pidfd", [True, False])
def test_an_exit_status_that_something_else_has_taken_is_not_taken_for_zero(use_pidfd: bool) -> None:
    async def scenario() -> None:
        executor = Launcher(spawner=DirectSpawner(SystemClock(), use_pidfd=use_pidfd))
        handle = await executor.start(launch("exit 3"), Collected())
        assert handle.pid is not None
        os.waitpid(handle.pid, 0)  # noqa: ASYNC222 - before the event loop sees its end
        assert executor.has_ended(handle.run_id)
        assert isinstance(await executor.wait(handle.run_id), Lost)

    asyncio.run(scenario())


@linux_only
def test_without_pidfds_and_threads_an_exit_is_still_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(*_args: object, **_more: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    executor = Launcher(spawner=DirectSpawner(SystemClock(), use_pidfd=False))
    assert run_once(launch("sleep 0.1; exit 3"), executor)[0] == Exited(code=3)
