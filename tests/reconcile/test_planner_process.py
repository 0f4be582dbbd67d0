"""The planner in its own process answers as the planner in this one does, also after it was killed."""

import asyncio
import os
import signal
import subprocess
import threading
from functools import partial
from pathlib import Path

import pytest
from support.project import Project, summary

from jeeves_runner.core.live import Delta, Live
from jeeves_runner.core.plan import Plan
from jeeves_runner.errors import DatabaseBusy, PlannerDied, PlannerFailed, PlannerSilent, SourceError
from jeeves_runner.reconcile.apply import read_live
from jeeves_runner.reconcile.planner_process import PlannerProcess
from jeeves_runner.reconcile.setup import planner_of, planner_setup


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    for n in range(5):
        project.write(f"job{n}.yaml", f"run: echo {n}\ntimeout: 1m\nschedule: '{n} * * * *'\n")
    return project


def test_it_answers_as_the_planner_in_process_does(project: Project) -> None:
    async def ask() -> Plan:
        process = PlannerProcess(planner_setup(project.config))
        try:
            return await process.plan(1, Live.nothing, 0.0)
        finally:
            process.close()

    assert asyncio.run(ask()) == planner_of(project.config).plan(Live.nothing())


def test_it_imports_nothing_from_the_current_folder(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripts may write there."""
    monkeypatch.chdir(tmp_path)
    for module in ("json", "yaml", "signal", "jeeves_runner"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit")

    async def ask() -> Plan:
        process = PlannerProcess(planner_setup(project.config))
        try:
            return await process.plan(1, Live.nothing, 0.0)
        finally:
            process.close()

    assert len(asyncio.run(ask()).changes) == 5


def test_it_follows_applies_step_by_step(project: Project) -> None:
    async def follow() -> list[list[str]]:
        process = PlannerProcess(planner_setup(project.config))
        found = []
        try:
            plan = await process.plan(1, Live.nothing, 0.0)
            found.append(summary(plan))
            await process.advance(Delta.of(plan, 1), 2)
            found.append(summary(await process.plan(2, never, 0.0)))
            project.write("job0.yaml", "run: echo changed\ntimeout: 1m\n")
            project.remove("job1.yaml")
            found.append(summary(await process.plan(2, never, 0.0)))
            found.append(summary(await process.plan(3, Live.nothing, 0.0)))
        finally:
            process.close()
        return found

    def never() -> Live:
        raise AssertionError("it should know what is live")

    whole = [f"+job job{n}" for n in range(5)]
    assert asyncio.run(follow()) == [whole, [], ["-job job1", "~job job0"], ["+job job0", *whole[2:]]]


def test_errors_of_the_folder_come_through(project: Project) -> None:
    async def ask() -> None:
        process = PlannerProcess(planner_setup(project.config))
        project.jobs_dir.rename(project.root / "elsewhere")
        try:
            await process.plan(1, Live.nothing, 0.0)
        finally:
            process.close()

    with pytest.raises(SourceError, match="does not exist"):
        asyncio.run(ask())


def test_an_error_nobody_foresaw_is_an_answer_and_not_its_end(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask() -> tuple[bool, Plan]:
        process = PlannerProcess(planner_setup(project.config))
        try:
            # What is live makes no sense, so that the comparison fails where it looks at a row.
            with pytest.raises(PlannerFailed, match="unexpected AttributeError"):
                await process.plan(1, lambda: Live(0, {("job", "a"): None}, {}, {}), 0.0)  # type: ignore[dict-item]
            first = process._child
            plan = await process.plan(2, Live.nothing, 0.0)
            return first is not None and first is process._child, plan
        finally:
            process.close()

    lives_on, plan = asyncio.run(ask())
    assert lives_on
    assert len(plan.changes) == 5
    (told,) = caplog.records
    assert "Traceback" in told.__dict__["trace"]


def test_a_killed_planner_is_reported_and_replaced(project: Project) -> None:
    async def kill_and_ask() -> Plan:
        process = PlannerProcess(planner_setup(project.config))

        def read_after_the_kill() -> Live:
            child = process._child
            assert child is not None
            child.kill()
            child.wait()
            return Live.nothing()

        try:
            await process.plan(1, Live.nothing, 0.0)
            with pytest.raises(PlannerDied):
                await process.plan(2, read_after_the_kill, 0.0)
            return await process.plan(3, partial(read_live, project.conn), 0.0)
        finally:
            process.close()

    assert summary(asyncio.run(kill_and_ask())) == [f"+job job{n}" for n in range(5)]


def test_what_is_live_cannot_be_read_once_and_the_next_plan_is_made_all_the_same(project: Project) -> None:
    def locked() -> Live:
        raise DatabaseBusy("the database is locked by another process")

    async def ask_twice() -> Plan:
        process = PlannerProcess(planner_setup(project.config))
        try:
            with pytest.raises(DatabaseBusy):
                await process.plan(1, locked, 0.0)
            return await process.plan(1, Live.nothing, 0.0)
        finally:
            process.close()

    assert len(asyncio.run(ask_twice()).changes) == 5


def test_a_planner_begun_anew_after_a_plan_is_told_all_that_is_live(project: Project) -> None:
    async def kill_before_the_apply_is_told() -> Plan:
        process = PlannerProcess(planner_setup(project.config))
        try:
            project.apply()
            project.write("job0.yaml", "run: echo changed\ntimeout: 1m\n")
            plan = await process.plan(1, partial(read_live, project.conn), 0.0)
            assert summary(plan) == ["~job job0"]
            assert process._child is not None
            process._child.kill()
            process._child.wait()
            project.apply()
            await process.advance(Delta.of(plan, 3), 2)
            return await process.plan(2, partial(read_live, project.conn), 0.0)
        finally:
            process.close()

    assert summary(asyncio.run(kill_before_the_apply_is_told())) == []


class Answer:
    """A planner's answer that is waited for in a thread."""

    def __init__(self, process: PlannerProcess) -> None:
        self._process = process
        self._asked = threading.Event()

    def _live(self) -> Live:
        child = self._process._child
        assert child is not None
        os.kill(child.pid, signal.SIGSTOP)
        self._asked.set()
        return Live.nothing()

    async def wait(self) -> None:
        await self._process.plan(1, self._live, 0.0)

    async def asked(self) -> None:
        await asyncio.to_thread(self._asked.wait)


def test_a_planner_that_does_not_answer_is_ended_and_so_is_the_wait_for_it(project: Project) -> None:
    async def close_it() -> None:
        process = PlannerProcess(planner_setup(project.config))
        answer = Answer(process)
        waiting = asyncio.create_task(answer.wait())
        await answer.asked()
        child = process._child
        assert child is not None
        assert process.close()
        async with asyncio.timeout(30):
            with pytest.raises(PlannerDied):
                await waiting
        assert child.returncode == -signal.SIGKILL
        assert child.stdout is not None
        assert child.stdout.closed
        with pytest.raises(PlannerDied, match="closed"):
            await process.plan(2, Live.nothing, 0.0)

    asyncio.run(close_it())


def test_a_planner_that_is_silent_is_ended_and_replaced(project: Project) -> None:
    async def ask_twice() -> Plan:
        process = PlannerProcess(planner_setup(project.config), patience=0.2)
        answer = Answer(process)
        try:
            with pytest.raises(PlannerSilent, match="has not answered"):
                await answer.wait()
            assert process._child is None
            process.patience = 60
            return await process.plan(2, Live.nothing, 0.0)
        finally:
            process.close()

    assert len(asyncio.run(ask_twice()).changes) == 5


def test_of_a_planner_that_cannot_be_killed_no_pipe_is_left(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = PlannerProcess(planner_setup(project.config), patience=0.2)
    children: list[subprocess.Popen[bytes]] = []

    def cannot(child: "subprocess.Popen[bytes]") -> bool:
        children.append(child)
        return False

    monkeypatch.setattr("jeeves_runner.reconcile.planner_process._kill", cannot)
    with pytest.raises(PlannerSilent):
        asyncio.run(Answer(process).wait())
    (child,) = children
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        assert pipe is not None
        assert pipe.closed


def test_more_is_sent_than_a_pipe_holds_in_both_directions(project: Project) -> None:
    for n in range(3000):
        project.write(f"more{n}.yaml", f"run: echo {n}\ntimeout: 1m\ndescription: {'x' * 100}\n")

    async def ask_twice() -> list[int]:
        process = PlannerProcess(planner_setup(project.config))
        try:
            plan = await process.plan(1, Live.nothing, 0.0)
            await process.advance(Delta.of(plan, 1), 2)
            again = await process.plan(2, Live.nothing, 0.0)
            return [len(plan.changes), len(again.changes)]
        finally:
            process.close()

    assert asyncio.run(ask_twice()) == [3005, 0]


def test_a_planner_that_cannot_be_started_is_an_error_of_the_planner(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeeves_runner.reconcile.planner_process.sys.executable", "/dev/null")
    process = PlannerProcess(planner_setup(project.config))
    with pytest.raises(PlannerDied, match="Permission denied"):
        asyncio.run(process.plan(1, Live.nothing, 0.0))


def test_signals_for_the_whole_service_do_not_end_a_planner(project: Project) -> None:
    async def signal_it() -> Plan:
        process = PlannerProcess(planner_setup(project.config))
        try:
            await process.plan(1, Live.nothing, 0.0)
            assert process._child is not None
            for name in ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "ALRM"):
                process._child.send_signal(signal.Signals[f"SIG{name}"])
            return await process.plan(1, Live.nothing, 0.0)
        finally:
            process.close()

    assert len(asyncio.run(signal_it()).changes) == 5
