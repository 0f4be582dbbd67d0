"""Programs are started, watched, ended and leave nothing behind: real processes throughout."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from jeeves_runner.core.model import Ending, Exited, Lost
from jeeves_runner.errors import InvalidValue, JeevesError, StartFailed
from jeeves_runner.execute.contract import Launch, LocalHandle, StreamName
from jeeves_runner.execute.local import processes
from jeeves_runner.execute.local.executor import LocalExecutor

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and a subreaper")


class Collected:
    """A sink that keeps everything and lets a test wait for a text in it."""

    def __init__(self) -> None:
        self.streams: dict[StreamName, bytes] = {"stdout": b"", "stderr": b""}
        self._more = asyncio.Event()

    def write(self, stream: StreamName, data: bytes) -> None:
        self.streams[stream] += data
        self._more.set()

    @property
    def stdout(self) -> str:
        return self.streams["stdout"].decode()

    async def until(self, text: str, times: int = 1) -> None:
        async with asyncio.timeout(10):
            while self.stdout.count(text) < times:
                self._more.clear()
                await self._more.wait()


def launch(script: str, run_id: int = 1, **changes: object) -> Launch:
    mark = uuid4().hex
    base = Launch(
        run_id=run_id,
        argv=("sh", "-c", script),
        env={"PATH": os.environ["PATH"], "JR_RUN_MARK": mark},
        cwd="/",
        mark=mark,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


async def run(executor: LocalExecutor, script: Launch) -> tuple[Ending, Collected]:
    sink = Collected()
    handle = await executor.start(script, sink)
    async with asyncio.timeout(30):
        return await executor.wait(handle, sink), sink


def run_once(script: Launch, executor: LocalExecutor | None = None) -> tuple[Ending, Collected]:
    return asyncio.run(run(executor or LocalExecutor(), script))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = processes.read_stat(pid) if processes.ON_LINUX else None
    return stat is None or not stat.is_dead


def own_children() -> set[int]:
    children: set[int] = set()
    for task in Path("/proc/self/task").iterdir() if processes.ON_LINUX else ():
        with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
            children |= {int(pid) for pid in (task / "children").read_text().split()}
    return children


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd" if processes.ON_LINUX else "/dev/fd").iterdir()))


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """After each test: no child more, dead or alive, and no descriptor more."""
    children, descriptors = own_children(), open_descriptors()
    yield
    assert own_children() - children == set()
    assert open_descriptors() == descriptors


@pytest.fixture(params=["pidfd", "thread"])
def executor(request: pytest.FixtureRequest) -> LocalExecutor:
    return LocalExecutor(drain=0.3, use_pidfd=request.param == "pidfd")


# Ends


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_exit_codes(executor: LocalExecutor, code: int) -> None:
    assert run_once(launch(f"exit {code}"), executor)[0] == Exited(code=code)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGSEGV"])
def test_a_signal_is_named(executor: LocalExecutor, name: str) -> None:
    assert run_once(launch(f"kill -{name[3:]} $$"), executor)[0] == Exited(signal=name)


@linux_only
def test_a_signal_without_a_name_of_its_own() -> None:
    number = signal.SIGRTMIN + 3
    code = f"import os; os.kill(os.getpid(), {number})"
    assert run_once(launch("", argv=python(code)))[0] == Exited(signal="SIGRTMIN+3")


def test_both_streams_arrive_whole(executor: LocalExecutor) -> None:
    _, sink = run_once(launch("echo out; echo err >&2; echo out again"), executor)
    assert sink.streams == {"stdout": b"out\nout again\n", "stderr": b"err\n"}


def test_ten_megabytes_arrive_whole(executor: LocalExecutor) -> None:
    code = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 40960)"
    ending, sink = run_once(launch("", argv=python(code)), executor)
    assert ending == Exited(code=0)
    assert sink.streams["stdout"] == bytes(range(256)) * 40960


def test_the_last_words_before_the_exit_arrive(executor: LocalExecutor) -> None:
    code = "import os; os.write(1, b'x' * 60000); os._exit(4)"
    ending, sink = run_once(launch("", argv=python(code)), executor)
    assert (ending, len(sink.stdout)) == (Exited(code=4), 60000)


def test_the_wait_answers_late_askers_and_strangers() -> None:
    async def scenario() -> None:
        executor, sink = LocalExecutor(), Collected()
        handle = await executor.start(launch("sleep 0.1; exit 2"), sink)
        first, second = await asyncio.gather(executor.wait(handle, sink), executor.wait(handle, sink))
        assert first == second == Exited(code=2)
        assert isinstance(await executor.wait(handle, sink), Lost)

    asyncio.run(scenario())


def test_a_cancelled_wait_leaves_the_run_alone_and_can_be_repeated() -> None:
    async def scenario() -> None:
        executor, sink = LocalExecutor(), Collected()
        handle = await executor.start(launch("echo started; sleep 0.2; exit 5"), sink)
        waiter = asyncio.create_task(executor.wait(handle, sink))
        await sink.until("started")
        waiter.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiter
        assert await executor.wait(handle, sink) == Exited(code=5)

    asyncio.run(scenario())


def test_starting_a_live_run_again_starts_nothing() -> None:
    async def scenario() -> None:
        executor, sink = LocalExecutor(), Collected()
        script = launch("echo once; sleep 0.1")
        handle = await executor.start(script, sink)
        assert await executor.start(script, sink) == handle
        await executor.wait(handle, sink)
        assert sink.stdout == "once\n"

    asyncio.run(scenario())


def test_a_faulty_sink_does_not_keep_the_run_from_ending(caplog: pytest.LogCaptureFixture) -> None:
    class Faulty:
        def write(self, stream: StreamName, data: bytes) -> None:
            raise RuntimeError("the sink is broken")

    async def scenario() -> Ending:
        executor, sink = LocalExecutor(), Faulty()
        return await executor.wait(await executor.start(launch("echo a; sleep 0.1; echo b"), sink), sink)

    assert asyncio.run(scenario()) == Exited(code=0)
    assert len([record for record in caplog.records if "is lost" in record.message]) == 1


# What the program finds


def test_the_environment_is_exactly_the_given_one() -> None:
    script = launch("", argv=("/usr/bin/env",), env={"A": "1", "B": "ü\n2"})
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
        executor, sink = LocalExecutor(), Collected()
        for run_id in range(30):
            script = launch("sleep 5", run_id)
            handle = await executor.start(script, sink)
            assert handle.pid is not None
            assert handle.pid_started == processes.start_ticks(handle.pid)
            assert (handle.boot_id, handle.mark) == (processes.boot_id(), script.mark)
            await executor.cancel(handle, 0)
            await executor.wait(handle, sink)

    asyncio.run(scenario())


# Starts that fail


def script_file(folder: Path, content: bytes, mode: int = 0o755) -> str:
    path = folder / "script"
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


def start_error(script: Launch) -> JeevesError:
    with pytest.raises(JeevesError) as caught:
        run_once(script)
    return caught.value


def test_a_missing_program() -> None:
    error = start_error(launch("", argv=("no-such-program-here",)))
    assert isinstance(error, StartFailed)
    assert error.message == "program not found: no-such-program-here"


def test_a_missing_folder(tmp_path: Path) -> None:
    error = start_error(launch("true", cwd=str(tmp_path / "gone")))
    assert error.message == f"the working folder does not exist: {tmp_path}/gone"


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = start_error(launch("true", cwd=str(tmp_path / "file")))
    assert error.message == f"the working folder does not exist: {tmp_path}/file"


def test_a_program_without_permission(tmp_path: Path) -> None:
    path = script_file(tmp_path, b"#!/bin/sh\n", 0o644)
    error = start_error(launch("", argv=(path,)))
    assert (error.message, error.hint) == (f"permission denied: {path}", f"chmod +x {path}")


def test_an_executable_text_without_interpreter(tmp_path: Path) -> None:
    path = script_file(tmp_path, b"echo hello\n")
    error = start_error(launch("", argv=(path,)))
    assert error.message == f"not a program this system can run: {path}"
    assert error.hint is not None
    assert "#!/bin/sh" in error.hint


def test_an_interpreter_that_does_not_exist(tmp_path: Path) -> None:
    path = script_file(tmp_path, b"#!/opt/nowhere/python3 -u\n")
    error = start_error(launch("", argv=(path,)))
    assert error.message == f"the interpreter of {path} does not exist: /opt/nowhere/python3 -u"


def test_windows_line_endings_are_recognised(tmp_path: Path) -> None:
    error = start_error(launch("", argv=(script_file(tmp_path, b"#!/bin/sh\r\necho\r\n"),)))
    assert error.hint == "the file has Windows line endings"


def test_an_argument_no_program_can_take() -> None:
    assert isinstance(start_error(launch("", argv=("echo", "a\0b"))), InvalidValue)
    assert "too large" in start_error(launch("", argv=("echo", "x" * 3_000_000))).message


def test_without_free_descriptors_a_start_fails_with_a_message() -> None:
    import resource

    async def scenario() -> None:
        executor, sink = LocalExecutor(), Collected()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        taken: list[int] = []
        try:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(os.open(os.devnull, os.O_RDONLY))
            os.close(taken.pop())
            with pytest.raises(StartFailed, match="Too many open files"):
                await executor.start(launch("true"), sink)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for descriptor in taken:
                os.close(descriptor)

    asyncio.run(scenario())


def test_temporary_files_go_with_the_run_and_with_a_failed_start(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("cat $0")
    assert run_once(launch("", argv=("sh", str(path)), temporaries=(str(path),)))[1].stdout == "cat $0"
    assert not path.exists()
    path.touch()
    start_error(launch("", argv=("no-such-program-here",), temporaries=(str(path),)))
    assert not path.exists()


# Cancelling


def test_cancel_asks_first(executor: LocalExecutor) -> None:
    async def scenario() -> None:
        sink = Collected()
        script = launch("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done")
        handle = await executor.start(script, sink)
        await sink.until("ready")
        await executor.cancel(handle, 20)
        assert await executor.wait(handle, sink) == Exited(code=7)
        assert sink.stdout == "ready\nbye\n"

    asyncio.run(scenario())


def test_what_ignores_the_request_is_killed_after_the_grace(executor: LocalExecutor) -> None:
    async def scenario() -> None:
        sink = Collected()
        handle = await executor.start(launch("trap '' TERM; echo ready; sleep 60 & wait; wait"), sink)
        await sink.until("ready")
        await executor.cancel(handle, 0.1)
        async with asyncio.timeout(10):
            assert await executor.wait(handle, sink) == Exited(signal="SIGKILL")

    asyncio.run(scenario())


def test_cancelling_again_brings_the_kill_forward_and_asks_no_second_time() -> None:
    async def scenario() -> None:
        executor, sink = LocalExecutor(drain=0.1), Collected()
        script = launch("trap 'echo asked' TERM; echo ready; while :; do sleep 0.01; done")
        handle = await executor.start(script, sink)
        await sink.until("ready")
        await executor.cancel(handle, 60)
        await sink.until("asked")
        await executor.cancel(handle, 90)
        await executor.cancel(handle, 0.1)
        async with asyncio.timeout(10):
            assert await executor.wait(handle, sink) == Exited(signal="SIGKILL")
        assert sink.stdout.count("asked") == 1
        await executor.cancel(handle, 0)

    asyncio.run(scenario())


def test_the_whole_group_is_asked(executor: LocalExecutor) -> None:
    async def scenario() -> None:
        sink = Collected()
        inner = 'trap "echo inner; exit" TERM; echo ready; while :; do sleep 0.01; done'
        handle = await executor.start(launch(f"trap 'wait; exit 1' TERM; sh -c '{inner}' & wait"), sink)
        await sink.until("ready")
        await executor.cancel(handle, 20)
        await executor.wait(handle, sink)
        assert "inner" in sink.stdout

    asyncio.run(scenario())


@linux_only
def test_processes_that_left_the_group_are_asked_too() -> None:
    async def scenario() -> None:
        executor, sink = LocalExecutor(), Collected()
        inner = 'trap "echo inner; exit" TERM; echo ready; while :; do sleep 0.01; done'
        script = launch(f"trap : TERM; setsid -w sh -c '{inner}'; exit 6")
        handle = await executor.start(script, sink)
        await sink.until("ready")
        await executor.cancel(handle, 20)
        assert await executor.wait(handle, sink) == Exited(code=6)
        assert "inner" in sink.stdout

    asyncio.run(scenario())


def test_a_start_that_is_cancelled_leaves_no_process() -> None:
    async def scenario() -> None:
        executor = LocalExecutor(drain=0)
        first = asyncio.create_task(executor.start(launch("exit 0"), Collected()))
        second = asyncio.create_task(executor.start(launch("sleep 600", run_id=2), Collected()))
        await asyncio.sleep(0)
        second.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await second
        assert second.cancelled()
        assert await executor.wait(await first, Collected()) == Exited(code=0)
        assert await executor.wait(LocalHandle(run_id=2, mark="none"), Collected()) == Lost(
            message="this runner has no such process"
        )

    asyncio.run(scenario())


# Nothing outlives its run


def test_a_child_in_the_background_ends_with_the_run(executor: LocalExecutor) -> None:
    ending, sink = run_once(launch("sleep 600 >/dev/null 2>&1 & echo $!"), executor)
    assert ending == Exited(code=0)
    assert not is_alive(int(sink.stdout))


def test_a_child_that_holds_the_pipe_delays_the_end_only_by_the_drain(executor: LocalExecutor) -> None:
    ending, sink = run_once(launch("sleep 600 & echo $!; exit 3"), executor)
    assert ending == Exited(code=3)
    assert not is_alive(int(sink.stdout))


def test_what_a_child_writes_within_the_drain_still_arrives() -> None:
    ending, sink = run_once(launch("(sleep 0.1; echo late) & echo early"), LocalExecutor(drain=10))
    assert (ending, sink.stdout) == (Exited(code=0), "early\nlate\n")


def test_a_child_that_floods_the_pipe_is_ended_before_the_drain_is_over() -> None:
    ending, sink = run_once(launch("yes & exit 0"), LocalExecutor(drain=600))
    assert ending == Exited(code=0)
    assert len(sink.stdout) < 64 * 1024 * 1024


DAEMON = """
import os, signal, time
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork(): os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    {disguise}
    os.write(writer, str(os.getpid()).encode())
    time.sleep(600)
os.wait()
print(os.read(reader, 20).decode(), flush=True)
"""
SILENT = "null = os.open('/dev/null', os.O_RDWR); [os.dup2(null, fd) for fd in (0, 1, 2)]"


@linux_only
@pytest.mark.parametrize("disguise", ["", SILENT, "os.execvp('sleep', ['innocent', '600'])"])
def test_a_daemon_that_forked_twice_is_dead_when_the_run_has_ended(
    executor: LocalExecutor, disguise: str
) -> None:
    if "exec" in disguise:
        disguise = f"os.write(writer, str(os.getpid()).encode()); {SILENT}; {disguise}"
    ending, sink = run_once(daemon(disguise), executor)
    assert ending == Exited(code=0)
    assert not is_alive(int(sink.stdout))


def daemon(disguise: str = SILENT, run_id: int = 1) -> Launch:
    """A run whose leader prints the pid of its daemon and ends once that is on its own."""
    return launch("", run_id, argv=python(DAEMON.replace("{disguise}", disguise)))


@linux_only
def test_daemons_of_daemons_are_found() -> None:
    depth = 6
    code = (
        "import os, time\n"
        f"for _ in range({depth}):\n"
        "    if os.fork(): time.sleep(600)\n"
        "    os.setsid()\n"
        "    print(os.getpid(), flush=True)\n"
        "time.sleep(600)\n"
    )

    async def scenario() -> None:
        executor, sink = LocalExecutor(drain=0.1), Collected()
        handle = await executor.start(launch("", argv=python(code)), sink)
        await sink.until("\n", times=depth)
        await executor.cancel(handle, 0)
        await executor.wait(handle, sink)
        assert [pid for pid in map(int, sink.stdout.split()) if is_alive(pid)] == []

    asyncio.run(scenario())


@linux_only
def test_a_daemon_that_ended_by_itself_is_reaped() -> None:
    run_once(daemon(SILENT + "; os.write(writer, b'1'); os._exit(0)"))
    # The fixture finds the zombie if there is one.


@linux_only
def test_a_daemon_without_any_environment_does_not_hold_up_the_runs() -> None:
    async def scenario() -> int:
        executor, sink = LocalExecutor(), Collected()
        then = "import os, sys, time; os.write(int(sys.argv[1]), b'%d' % os.getpid()); time.sleep(600)"
        program = f"os.execve({sys.executable!r}, ['python', '-c', {then!r}, str(writer)], {{}})"
        nameless = f"{SILENT}; os.set_inheritable(writer, True); {program}"
        await run_in(executor, daemon(nameless), sink)
        pid = int(sink.stdout)
        async with asyncio.timeout(5):
            for run_id in range(2, 30):
                await run_in(executor, launch("exit 0", run_id), Collected())
        return pid

    nameless_pid = asyncio.run(scenario())
    assert is_alive(nameless_pid)  # a documented limit
    os.kill(nameless_pid, signal.SIGKILL)
    os.waitpid(nameless_pid, 0)


async def run_in(executor: LocalExecutor, script: Launch, sink: Collected) -> Ending:
    return await executor.wait(await executor.start(script, sink), sink)


# Nobody else is harmed


@linux_only
def test_other_runs_and_their_daemons_live_on() -> None:
    async def scenario() -> None:
        executor, other = LocalExecutor(), Collected()
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
        await executor.cancel(handle, 0)
        await executor.wait(handle, other)
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


# Many at once


def test_fifty_runs_at_once(executor: LocalExecutor) -> None:
    async def one(run_id: int) -> None:
        script = launch(f"(sleep 0.0{run_id}; echo {run_id}) & wait; exit {run_id}", run_id)
        ending, sink = await run(executor, script)
        assert (ending, sink.stdout) == (Exited(code=run_id), f"{run_id}\n")

    async def scenario() -> None:
        await asyncio.gather(*(one(run_id) for run_id in range(50)))

    asyncio.run(scenario())


def test_of_many_starts_at_once_each_leaves_the_loop_a_turn() -> None:
    async def scenario() -> None:
        executor, turns, running = LocalExecutor(), 0, True

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
        await asyncio.gather(watcher, *(executor.wait(handle, sink) for handle in handles))

    asyncio.run(scenario())


@linux_only
def test_many_runs_with_daemons_and_cancels_at_once() -> None:
    async def one(executor: LocalExecutor, run_id: int) -> None:
        sink = Collected()
        script = daemon(run_id=run_id)
        if run_id % 2:
            script = replace(script, argv=python(script.argv[2] + "time.sleep(600)\n"))
        handle = await executor.start(script, sink)
        await sink.until("\n")
        if run_id % 2:
            await executor.cancel(handle, 0.05)
        ending = await executor.wait(handle, sink)
        assert ending == (Exited(signal="SIGTERM") if run_id % 2 else Exited(code=0))
        assert not is_alive(int(sink.stdout))

    async def scenario() -> None:
        executor = LocalExecutor()
        await asyncio.gather(*(one(executor, run_id) for run_id in range(24)))

    asyncio.run(scenario())


def test_two_loops_in_two_threads_do_not_reap_each_other() -> None:
    wrong: list[Ending] = []

    async def scenario() -> None:
        executor = LocalExecutor()
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


# After a restart


@linux_only
def test_recovery_ends_what_is_left_and_says_lost(tmp_path: Path) -> None:
    mark = uuid4().hex
    dead_runners = subprocess.Popen(
        ["sh", "-c", "sleep 600 & setsid sleep 600 & wait"],
        env={"PATH": os.environ["PATH"], "JR_RUN_MARK": mark},
        start_new_session=True,
    )

    async def scenario() -> Lost:
        return await LocalExecutor().recover(7, LocalHandle(run_id=7, mark=mark))

    assert asyncio.run(scenario()) == Lost(message="the runner died while this ran")
    assert dead_runners.wait() == -signal.SIGKILL
    run_once(launch("exit 0"))  # reaps what the dead leader left to this process


def test_recovery_without_a_handle_has_nothing_to_end() -> None:
    assert isinstance(asyncio.run(LocalExecutor().recover(7, None)), Lost)
