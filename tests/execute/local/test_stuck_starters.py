"""A starter that says nothing, does not die, or is not told of exits: runs start and end all the same."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from support.launches import Collected, is_alive, launch, linux_only, run
from support.starters import get_stuck, pid_of, play, under_way

from jeeves_runner.core.outcome import Exited, Lost
from jeeves_runner.execute.local import starter_process
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.starter import Starter

pytestmark = [linux_only, pytest.mark.usefixtures("nothing_left_behind")]


def test_a_starter_that_is_stuck_is_replaced(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(launcher: Launcher, starter: Starter) -> None:
        lasting = await launcher.start(launch("sleep 0.8; exit 5"), Collected())
        get_stuck(starter, monkeypatch)
        async with asyncio.timeout(60):
            stuck = await launcher.start(launch("true", 2), Collected())
            assert isinstance(await launcher.wait(stuck.run_id), Lost)
            assert (await run(launcher, launch("exit 4", 3)))[0] == Exited(code=4)
            assert await launcher.wait(lasting.run_id) == Exited(code=5)

    play(scenario)
    assert "has said nothing for" in caplog.text


def test_a_killed_run_ends_though_the_starter_that_should_tell_is_stuck(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(launcher: Launcher, starter: Starter) -> None:
        lasting = await launcher.start(launch("sleep 600"), Collected())
        get_stuck(starter, monkeypatch)
        async with asyncio.timeout(60):
            await launcher.cancel(lasting.run_id, 0)
            assert await launcher.wait(lasting.run_id) == Exited(signal="SIGKILL")

    play(scenario)
    assert "has said nothing for" in caplog.text


def test_a_run_that_ends_by_itself_or_obeys_sigterm_does_so_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(launcher: Launcher, starter: Starter) -> None:
        obeying = await launcher.start(launch("exec sleep 600"), Collected())
        brief = await launcher.start(launch("sleep 0.2; exit 5", 2), Collected())
        get_stuck(starter, monkeypatch)
        async with asyncio.timeout(60):
            await launcher.cancel(obeying.run_id, 600)
            assert await launcher.wait(obeying.run_id) == Exited(signal="SIGTERM")
            assert await launcher.wait(brief.run_id) == Exited(code=5)

    play(scenario)


def test_one_that_never_becomes_ready_keeps_no_run_from_its_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    stuck = tmp_path / "stuck.py"
    stuck.write_text("import time; time.sleep(600)")
    monkeypatch.setattr(starter_process, "_SILENCE", 0.3)
    monkeypatch.setattr(starter_process, "_PROGRAM", stuck)

    async def scenario(launcher: Launcher, _starter: Starter) -> None:
        async with asyncio.timeout(60):
            assert (await run(launcher, launch("exit 4")))[0] == Exited(code=4)

    play(scenario)
    assert "has said nothing for" in caplog.text
    assert "started directly" in caplog.messages[-1]


@pytest.mark.parametrize("dies_in_time", [True, False])
def test_one_that_does_not_die_stops_neither_the_loop_nor_other_runs(
    monkeypatch: pytest.MonkeyPatch, dies_in_time: bool, tmp_path: Path
) -> None:
    """As in the middle of an uninterruptible read, when SIGKILL must wait."""
    go_on = tmp_path / "go_on"
    os.mkfifo(go_on)
    monkeypatch.setattr(starter_process, "_DYING", 60 if dies_in_time else 0.2)

    async def scenario(launcher: Launcher, starter: Starter) -> None:
        lasting = await launcher.start(launch(f"read x <{go_on}; exit 5"), Collected())
        assert starter.process is not None
        undying = starter.process
        monkeypatch.setattr(undying._process, "kill", lambda: None)
        pid = get_stuck(starter, monkeypatch)
        start = asyncio.create_task(launcher.start(launch("true", 2), Collected()))
        await under_way(starter)
        async with asyncio.timeout(60):
            while pid_of(starter) == pid:  # noqa: ASYNC110 - within turns of the loop
                await asyncio.sleep(0)
            assert (await run(launcher, launch("exit 4", 3)))[0] == Exited(code=4)
            assert is_alive(pid)
            if not dies_in_time:
                assert (await start).pid is None
            os.kill(pid, signal.SIGKILL)
            assert isinstance(await launcher.wait((await start).run_id), Lost)
            while not undying.is_gone:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
            await asyncio.to_thread(go_on.write_text, "go on")
            assert await launcher.wait(lasting.run_id) == Exited(code=5)

    play(scenario)


@pytest.mark.parametrize("refused_calls", ["all", "all but the first"])
def test_where_the_kernel_does_not_tell_of_exits_runs_keep_their_exit_codes(
    refused_calls: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    program = tmp_path / "without_pidfds.py"
    real = starter_process._PROGRAM
    answers = "iter(())" if refused_calls == "all" else "iter([os.open('/dev/null', os.O_RDONLY)])"
    program.write_text(
        "import errno, os, runpy\n"
        f"answers = {answers}\n"
        "def refuse(pid):\n"
        "    for fd in answers: return fd\n"
        "    raise OSError(errno.EPERM, 'refused')\n"
        "os.pidfd_open = refuse\n"
        f"runpy.run_path({str(real)!r}, run_name='__main__')\n"
    )
    monkeypatch.setattr(starter_process, "_PROGRAM", program)

    async def scenario(launcher: Launcher, starter: Starter) -> None:
        endings = await asyncio.gather(*(run(launcher, launch(f"exit {n}", n)) for n in range(5)))
        assert [ending for ending, _ in endings] == [Exited(code=n) for n in range(5)]
        assert (starter.process is None) == (refused_calls == "all")

    play(scenario)
    assert ("started directly" in caplog.text) == (refused_calls == "all")
