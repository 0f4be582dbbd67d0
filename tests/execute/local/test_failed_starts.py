"""A program that cannot be started: the message says why, and nothing is left."""

import asyncio
import contextlib
import errno
import os
from pathlib import Path
from typing import Any

import pytest
from support.launches import Collected, is_alive, launch, linux_only, run_once

from jeeves_runner.errors import InvalidValue, JeevesError, StartFailed
from jeeves_runner.execute.local.launch import Launch
from jeeves_runner.execute.local.launcher import Launcher

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


def script_file(folder: Path, content: bytes, mode: int = 0o755) -> str:
    path = folder / "script"
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


def start_error(executor: Launcher, script: Launch) -> JeevesError:
    with pytest.raises(JeevesError) as caught:
        run_once(script, executor)
    return caught.value


def test_a_missing_program(executor: Launcher) -> None:
    error = start_error(executor, launch("", argv=("no-such-program-here",)))
    assert isinstance(error, StartFailed)
    assert error.message == "program not found: no-such-program-here"


def test_a_missing_folder(executor: Launcher, tmp_path: Path) -> None:
    error = start_error(executor, launch("true", cwd=str(tmp_path / "gone")))
    assert error.message == f"the working folder does not exist: {tmp_path}/gone"


def test_a_folder_that_is_a_file(executor: Launcher, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = start_error(executor, launch("true", cwd=str(tmp_path / "file")))
    assert error.message == f"the working folder does not exist: {tmp_path}/file"


def test_a_program_without_permission(executor: Launcher, tmp_path: Path) -> None:
    path = script_file(tmp_path, b"#!/bin/sh\n", 0o644)
    error = start_error(executor, launch("", argv=(path,)))
    assert (error.message, error.hint) == (f"permission denied: {path}", f"chmod +x {path}")


def test_an_executable_text_without_interpreter(executor: Launcher, tmp_path: Path) -> None:
    path = script_file(tmp_path, b"echo hello\n")
    error = start_error(executor, launch("", argv=(path,)))
    assert error.message == f"not a program this system can run: {path}"
    assert error.hint is not None
    assert "#!/bin/sh" in error.hint


def test_an_interpreter_that_does_not_exist(executor: Launcher, tmp_path: Path) -> None:
    path = script_file(tmp_path, b"#!/opt/nowhere/python3 -u\n")
    error = start_error(executor, launch("", argv=(path,)))
    assert error.message == f"the interpreter of {path} does not exist: /opt/nowhere/python3 -u"


def test_windows_line_endings_are_recognised(executor: Launcher, tmp_path: Path) -> None:
    error = start_error(executor, launch("", argv=(script_file(tmp_path, b"#!/bin/sh\r\necho\r\n"),)))
    assert error.hint == "the file has Windows line endings"


def test_an_argument_no_program_can_take(executor: Launcher) -> None:
    assert isinstance(start_error(executor, launch("", argv=("echo", "a\0b"))), InvalidValue)


def test_arguments_that_are_too_large(executor: Launcher) -> None:
    assert "too large" in start_error(executor, launch("", argv=("echo", "x" * 3_000_000))).message


def test_without_free_descriptors_a_start_fails_with_a_message() -> None:
    import resource

    async def scenario() -> None:
        executor, sink = Launcher(), Collected()
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


def test_temporary_files_go_with_the_run_and_with_a_failed_start(executor: Launcher, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("cat $0")
    assert run_once(launch("", argv=("sh", str(path)), temporaries=(str(path),)))[1].stdout == "cat $0"
    assert not path.exists()
    path.touch()
    start_error(executor, launch("", argv=("no-such-program-here",), temporaries=(str(path),)))
    assert not path.exists()


@linux_only
@pytest.mark.parametrize("refused_call", [1, 2], ids=["its output", "its errors"])
def test_a_program_that_cannot_be_watched_is_ended_with_all_that_left_it(
    refused_call: int, monkeypatch: pytest.MonkeyPatch, nothing_left_behind: None, tmp_path: Path
) -> None:
    """The kernel refuses to watch more descriptors."""
    there = tmp_path / "pid"
    os.mkfifo(there)
    text = f"setsid sh -c 'echo $$ >{there}; exec sleep 600' & wait"
    left = []

    async def scenario() -> None:
        loop, calls = asyncio.get_running_loop(), iter(range(99))
        add_reader = loop.add_reader

        def refusing(fd: int, *rest: Any) -> None:
            if next(calls) == refused_call:
                left.append(int(there.read_text()))  # once it has left
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            add_reader(fd, *rest)

        with monkeypatch.context() as patch:
            patch.setattr(loop, "add_reader", refusing)
            with pytest.raises(StartFailed, match="cannot"):
                await Launcher().start(launch(text), Collected())
        (pid,) = left
        assert not is_alive(pid)

    asyncio.run(scenario())
