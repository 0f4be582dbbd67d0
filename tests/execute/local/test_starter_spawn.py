"""How a starter starts: what a program gets, and what goes on meanwhile or is left when it dies."""

import asyncio
import os
from pathlib import Path
from time import monotonic, sleep

import pytest
from support.launches import Collected, launch, linux_only, own_children, run
from support.server import until
from support.starters import pid_of, play

from jeeves_runner.core.outcome import Exited, Lost
from jeeves_runner.execute.local import starter_process
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.processes import read_stat
from jeeves_runner.execute.local.starter import Starter
from jeeves_runner.execute.local.starter_main import Spawn

pytestmark = [linux_only, pytest.mark.usefixtures("nothing_left_behind")]


def change_the_spawn(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    """Starters whose ``spawn(*args)`` has this body; ``posix_spawn(*args)`` is the call as it was."""
    program = folder / "changed.py"
    program.write_text(
        "import os, signal, sys\n"
        "from importlib.util import module_from_spec, spec_from_file_location\n"
        f"spec = spec_from_file_location('starter', {str(starter_process._PROGRAM)!r})\n"
        "starter = module_from_spec(spec)\n"
        "spec.loader.exec_module(starter)\n"
        "posix_spawn = starter.LIBC.posix_spawn\n"
        f"def spawn(*args):\n{body}"
        "starter.LIBC.posix_spawn = spawn\n"
        "starter.main(int(sys.argv[1]), None)\n"
    )
    monkeypatch.setattr(starter_process, "_PROGRAM", program)


@pytest.mark.parametrize(
    "child",
    ["os.fork() or (os.closerange(3, 100), signal.pause())", "posix_spawn(*args)"],
    ids=["before its exec", "after its exec"],
)
def test_what_a_starter_has_made_and_not_told_of_when_it_dies_is_ended(
    child: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    change_the_spawn(monkeypatch, tmp_path, f"    {child}\n    os.kill(os.getpid(), signal.SIGKILL)\n")
    before = own_children()

    async def scenario(launcher: Launcher, starter: Starter) -> None:
        assert isinstance((await run(launcher, launch("exec sleep 600")))[0], Lost)
        assert own_children() - before <= {pid_of(starter)}

    play(scenario)


def test_an_end_is_noted_while_the_next_start_waits_for_its_exec(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hold, is_held, go, let_go = (tmp_path / name for name in ("hold", "is held", "go", "let go"))
    os.mkfifo(go)
    os.mkfifo(let_go)
    held = f"    if os.path.exists({str(hold)!r}):\n        open({str(is_held)!r}, 'w').close()\n"
    # One call, as an exec that waits for a processor: it ends when the pipe is opened to write.
    held += f"        starter.LIBC.open({bytes(let_go)!r}, os.O_RDONLY)\n"
    change_the_spawn(monkeypatch, tmp_path, f"{held}    return posix_spawn(*args)\n")

    async def scenario(launcher: Launcher, starter: Starter) -> None:
        before = monotonic()
        first = await launcher.start(launch(f"read x <{go}"), Collected())
        pid = first.pid
        assert pid is not None
        hold.touch()
        second = asyncio.create_task(run(launcher, launch("exit 3", 2)))
        await asyncio.to_thread(until, is_held.exists)
        await asyncio.to_thread(go.write_text, "\n")
        await asyncio.to_thread(until, lambda: (found := read_stat(pid)) is not None and found.state == "Z")
        await asyncio.to_thread(until, lambda: threads_of(pid_of(starter)) == "SS")  # it has noted that
        over = monotonic()
        await asyncio.to_thread(sleep, 0.1)
        await asyncio.to_thread(let_go.write_text, "")
        ending = await launcher.wait(first.run_id)
        assert isinstance(ending, Exited)
        assert ending.span is not None
        assert ending.span.duration_ms <= (over - before) * 1000 + 1  # it is rounded
        assert (await second)[0] == Exited(code=3)

    play(scenario)


def threads_of(pid: int) -> str:
    """The states of the threads of a process: S is one that waits."""
    stats = [(task / "stat").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return "".join(stat.rpartition(")")[2].split()[0] for stat in stats)


@pytest.mark.parametrize(
    ("argv", "env", "fault"),
    [
        (("echo", "a\0b"), {}, "embedded null byte"),
        (("echo",), {b"A": b"b\0"}, "embedded null byte"),
        (("echo",), {b"A=B": b"c"}, "illegal environment variable name"),
        (("echo",), {b"": b"c"}, "illegal environment variable name"),
    ],
)
def test_text_that_no_program_can_get_is_refused_and_not_cut(
    argv: tuple[str, ...], env: dict[bytes, bytes], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        Spawn()("/bin/echo", argv, env, 0, 1, 2)


def test_a_program_gets_every_byte_of_its_words_and_its_environment(tmp_path: Path) -> None:
    out = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    words = ("sh", "-c", 'printf %s "$1"; env', "sh", "\udcff\n ä")
    env = {b"A": b"\xfe = ", b"EMPTY": b""}
    pid = Spawn()("/bin/sh", words, env, 0, out, 2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(out)
    found = (tmp_path / "out").read_bytes()
    assert found.startswith("\udcff\n ä".encode(errors="surrogateescape"))
    assert b"A=\xfe = \n" in found
    assert b"EMPTY=\n" in found
