"""The loop that keeps the live jobs as the manifests say: whatever happens around it, it ends when told."""

import asyncio
import errno
import logging
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.project import Project
from support.reconciling import looking

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.origin import AppliedBy
from jeeves_runner.core.plan import Plan
from jeeves_runner.errors import DatabaseError
from jeeves_runner.reconcile.apply import Applied
from jeeves_runner.reconcile.planner_process import PlannerProcess
from jeeves_runner.reconcile.reconciler import Reconciler
from jeeves_runner.side_thread import SideThread
from jeeves_runner.sources.folder.system_watch import SystemWatch


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.write("job.yaml", "run: echo hello\ntimeout: 1m\n")
    return project


@asynccontextmanager
async def watching(project: Project) -> AsyncIterator[tuple[Reconciler, asyncio.Task[None]]]:
    """A reconciler that has looked and waits for a hint."""
    async with looking(project) as reconciler:
        first = await reconciler.look()
        task = asyncio.create_task(reconciler.run())
        # The watch, once it stands, gives a hint; after that look the loop waits for the next.
        while reconciler.status is first:  # noqa: ASYNC110 - looks are not announced
            await asyncio.sleep(0.01)
        yield reconciler, task


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task}, timeout=30)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - looks are not announced
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("turns", range(8))
def test_it_ends_when_cancelled_just_as_a_hint_arrives(project: Project, turns: int) -> None:
    async def scene() -> bool:
        async with watching(project) as (reconciler, task):
            reconciler.nudge()
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            ended, _ = await asyncio.wait({task}, timeout=30)
            task.cancel()
            return bool(ended)

    assert asyncio.run(scene())


def test_it_fails_when_its_watch_does(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jeeves_runner.sources.stamps.GLANCE", 0.05)

    async def scene() -> BaseException | None:
        async with watching(project) as (_, task):

            async def broken(_watch: SystemWatch) -> None:
                raise RuntimeError("the watch broke")

            monkeypatch.setattr(SystemWatch, "check", broken)
            await asyncio.wait({task}, timeout=30)
            return task.exception()

    assert "the watch broke" in repr(asyncio.run(scene()))


def test_a_folder_that_becomes_a_link_to_itself_is_an_error_until_it_is_back(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeeves_runner.sources.stamps.GLANCE", 0.05)

    async def scene() -> None:
        async with watching(project) as (reconciler, task):
            project.jobs_dir.rename(project.root / "old")
            project.jobs_dir.symlink_to(project.jobs_dir)
            await until(lambda: reconciler.status.state == "error")
            assert "Too many levels of symbolic links" in (reconciler.status.reason or "")
            await reconciler.look()
            assert not task.done()
            project.jobs_dir.unlink()
            (project.root / "old").rename(project.jobs_dir)
            await until(lambda: reconciler.status.state == "in_sync")

    asyncio.run(scene())


def test_a_folder_whose_file_system_hangs_is_an_error_until_it_answers(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SideThread.call, "__defaults__", (0.1,))
    goes_on = threading.Event()

    def hanging(_folder: Path) -> None:
        goes_on.wait(30)

    async def scene() -> None:
        async with looking(project) as reconciler:
            with monkeypatch.context() as patch:
                patch.setattr("jeeves_runner.sources.folder.git_work.git_folder", hanging)
                state = await reconciler.look()
            hangs = "its file system hangs, or the network does"
            assert (state.state, state.reason) == (
                "error",
                f"the jobs folder {project.jobs_dir} does not answer; {hangs}",
            )
            goes_on.set()
            assert (await reconciler.look()).state == "in_sync"

    asyncio.run(scene())


async def comes_in_sync(project: Project) -> None:
    """Wait until it does, by a reconciler that is begun again when it fails, as the runner's tasks are."""

    async def keep(reconciler: Reconciler) -> None:
        while True:
            with suppress(ExceptionGroup):
                await reconciler.run()

    async with looking(project) as reconciler:
        reconciler.nudge()
        task = asyncio.create_task(keep(reconciler))
        await until(lambda: reconciler.status.state == "in_sync")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("fault", [DatabaseError("the disk is full"), MemoryError()], ids=repr)
def test_a_look_that_failed_for_want_of_something_is_made_up_for_soon(
    project: Project, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    monkeypatch.setattr("jeeves_runner.reconcile.reconciler._AGAIN", 0.01)
    write, failures = Reconciler._write, [fault, fault]

    async def failing(reconciler: Reconciler, plan: Plan, by: AppliedBy) -> Applied:
        if failures:
            raise failures.pop()
        return await write(reconciler, plan, by)

    monkeypatch.setattr(Reconciler, "_write", failing)
    asyncio.run(comes_in_sync(project))


def test_so_is_one_for_which_no_planner_could_be_started(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeeves_runner.reconcile.reconciler._AGAIN", 0.01)
    start, failures = subprocess.Popen, [OSError(errno.EMFILE, "Too many open files")] * 2

    def failing(*args: Any, **kwargs: Any) -> "subprocess.Popen[bytes]":
        if failures:
            raise failures.pop()
        return start(*args, **kwargs)

    monkeypatch.setattr("jeeves_runner.reconcile.planner_process.subprocess.Popen", failing)
    asyncio.run(comes_in_sync(project))
    assert not failures


def test_a_planner_that_is_silent_is_an_error_since_it_was_asked(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with looking(project) as reconciler:
            await reconciler.look()
            monkeypatch.setattr("jeeves_runner.reconcile.reconciler.SILENCE", 0.05)
            checked = reconciler.status
            child = reconciler._planner._child
            assert child is not None
            caplog.clear()
            child.send_signal(signal.SIGSTOP)
            look = asyncio.create_task(reconciler.look())
            await until(lambda: reconciler.status.state == "error")
            silent = reconciler.status
            assert silent.since is not None
            assert silent.reason == f"the planner has not answered since {to_text(silent.since)}"
            assert silent.checked_at == checked.checked_at
            child.send_signal(signal.SIGCONT)
            assert (await look).state == "in_sync"
            assert reconciler.status.since is not None
            assert reconciler.status.since > silent.since

    with caplog.at_level(logging.INFO):
        asyncio.run(scene())
    said = [text for text in caplog.messages if text.startswith("manifests: ")]
    assert [text.partition(":")[2][:10].strip() for text in said] == ["error: th", "in_sync"]


def test_what_is_held_already_when_it_starts_is_held_since_then(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its first look fails."""

    async def since(project: Project) -> datetime | None:
        async with looking(project) as reconciler:
            assert (await reconciler.look()).state == "held"
            return reconciler.status.since

    async def since_after_an_error(project: Project) -> datetime | None:
        async with looking(project) as reconciler:
            with monkeypatch.context() as broken:
                broken.setattr(Reconciler, "_plan", failing)
                assert (await reconciler.look()).state == "error"
            assert (await reconciler.look()).state == "held"
            return reconciler.status.since

    async def failing(*_: object) -> Plan:
        raise DatabaseError("the disk is full")

    asyncio.run(comes_in_sync(project))
    project.write("job.yaml", "run: [\n")
    asyncio.run(since(project))
    known = project.value("SELECT since FROM held")
    assert isinstance(known, str)
    assert asyncio.run(since(project)) == from_text(known)
    assert asyncio.run(since_after_an_error(project)) == from_text(known)


def test_a_lock_that_git_left_is_named_and_holds_back_deletes_alone(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeeves_runner.sources.folder.git_work.PATIENCE", 0.2)
    monkeypatch.setattr("jeeves_runner.sources.folder.source.SETTLE", 0.0)
    lock = project.root / ".git" / "index.lock"
    reason = f"deletes wait for git: {lock} exists; if no git command is at work, remove it"

    async def scene() -> None:
        async with watching(project) as (reconciler, task):
            await ended(task)
            lock.parent.mkdir()
            lock.touch()
            project.write("new.yaml", "run: echo new\ntimeout: 1m\n")
            project.remove("job.yaml")
            state = await reconciler.look()
            assert (state.state, state.reason) == ("pending", reason)
            assert project.jobs() == [("job",), ("new",)]
            lock.unlink()
            await reconciler.look()
            assert (reconciler.status.state, reconciler.status.reason) == ("in_sync", None)
            assert project.jobs() == [("new",)]

    asyncio.run(scene())


def test_a_lock_is_mentioned_while_it_exists_and_its_end_is_noticed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeeves_runner.sources.folder.git_work.PATIENCE", 0.2)
    monkeypatch.setattr("jeeves_runner.sources.stamps.GLANCE", 0.05)
    lock = project.root / ".git" / "index.lock"

    async def scene() -> None:
        async with watching(project) as (reconciler, _):
            lock.parent.mkdir()
            lock.touch()
            reconciler.nudge()
            await until(lambda: str(lock) in (reconciler.status.reason or ""))
            assert reconciler.status.state == "in_sync"
            lock.unlink()
            await until(lambda: reconciler.status.reason is None)

    asyncio.run(scene())


def test_while_git_is_at_work_nothing_is_said_to_be_in_sync(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeeves_runner.sources.folder.git_work._WORTH_SAYING", 0.0)
    monkeypatch.setattr("jeeves_runner.sources.folder.git_work.REST", 0.1)
    lock = project.root / ".git" / "index.lock"

    async def scene() -> None:
        async with watching(project) as (reconciler, _):
            lock.parent.mkdir()
            lock.touch()
            project.write("job.yaml", "run: echo changed\ntimeout: 1m\n")
            await until(lambda: reconciler.status.reason == f"waiting for git: {lock} exists")
            assert reconciler.status.state == "pending"
            assert project.jobs("script") == [("echo hello",)]
            lock.unlink()
            await until(lambda: reconciler.status.state == "in_sync")
            assert (reconciler.status.reason, project.jobs("script")) == (None, [("echo changed",)])

    asyncio.run(scene())


def test_a_script_that_comes_later_is_noticed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jeeves_runner.sources.stamps.GLANCE", 0.05)
    script = project.root / "work.sh"
    project.write("work.yaml", "script: work.sh\ntimeout: 1m\n")

    async def scene() -> None:
        async with watching(project):
            assert project.jobs() == [("job",)]
            script.write_text("#!/bin/sh\n")
            script.chmod(0o755)
            await until(lambda: project.jobs() == [("job",), ("work",)])

    asyncio.run(scene())


def test_the_commit_is_that_of_the_revision_whoever_wrote_it(project: Project) -> None:
    project.apply()
    project.conn.execute("UPDATE revisions SET \"commit\" = 'c0ffee'")

    async def scene() -> None:
        async with looking(project) as reconciler:
            state = await reconciler.look()
            assert (state.revision, state.commit) == (1, "c0ffee")
            project.write("new.yaml", "run: echo new\ntimeout: 1m\n")
            project.apply()
            state = await reconciler.look()
            assert (state.revision, state.commit) == (2, None)
            project.jobs_dir.rename(project.root / "away")
        async with looking(project) as reconciler:
            state = await reconciler.look()
            assert (state.state, state.revision) == ("error", 2)

    asyncio.run(scene())


def test_an_apply_under_another_config_is_reversed_with_a_warning(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    config = project.root / "jeeves-runner.yaml"

    async def scene() -> None:
        async with looking(project) as reconciler:
            await reconciler.look()
            config.write_text("timezone: Europe/Vienna\n")
            project.apply()
            assert project.jobs("timezone") == [("Europe/Vienna",)]
            await reconciler.look()
            assert project.jobs("timezone") == [("UTC",)]
            assert "revision 2 (cli) read the same manifests otherwise" in caplog.text

    asyncio.run(scene())


def test_a_planner_that_does_not_end_leaves_the_event_loop_free(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(PlannerProcess, "close", lambda _: goes_on.wait(30))

    async def scenario() -> list[bool]:
        async with looking(project) as reconciler:
            hangs = await reconciler.close(patience=0.05)
            asyncio.get_running_loop().call_soon(goes_on.set)
            return [hangs, await reconciler.close(patience=30)]

    assert asyncio.run(scenario()) == [False, True]
