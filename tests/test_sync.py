"""The loop that keeps the live jobs as the manifests say: whatever happens around it, it ends when told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from project_support import Project

from jeeves_runner.clock import SystemClock
from jeeves_runner.db.writer import Writer
from jeeves_runner.planner_process import PlannerProcess
from jeeves_runner.project import planner_setup, source_of
from jeeves_runner.reconcile import Applied
from jeeves_runner.sync import Sync


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.write("job.yaml", "run: echo hello\ntimeout: 1m\n")
    return project


@asynccontextmanager
async def syncing(project: Project) -> AsyncIterator[tuple[Sync, asyncio.Task[None]]]:
    """A sync that has looked and waits for a hint."""
    conn = project.conn
    planner = PlannerProcess(planner_setup(project.config))

    async def applied(_applied: Applied) -> None:
        """Nobody follows."""

    try:
        async with Writer(project.config.db_path, SystemClock()) as writer:
            sync = Sync(
                source=source_of(project.config),
                planner=planner,
                writer=writer,
                conn=conn,
                clock=SystemClock(),
                applied=applied,
                interval=30,
            )
            first = await sync.look()
            task = asyncio.create_task(sync.run())
            # The watch, once it stands, gives a hint; after that look the loop waits for the next.
            while sync.state is first:  # noqa: ASYNC110 - nobody announces a look
                await asyncio.sleep(0.01)
            yield sync, task
    finally:
        planner.close()
        conn.close()


@pytest.mark.parametrize("turns", range(8))
def test_it_ends_when_cancelled_just_as_a_hint_arrives(project: Project, turns: int) -> None:
    async def scene() -> bool:
        async with syncing(project) as (sync, task):
            sync.nudge()
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            ended, _ = await asyncio.wait({task}, timeout=10)
            task.cancel()
            return bool(ended)

    assert asyncio.run(scene())


def test_it_fails_when_its_watch_does(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> BaseException | None:
        async with syncing(project) as (sync, task):

            def broken() -> None:
                raise RuntimeError("the watch broke")

            monkeypatch.setattr(sync._watch, "_places", broken)
            sync._watch.retarget(["/elsewhere"])
            await asyncio.wait({task}, timeout=10)
            return task.exception()

    assert "the watch broke" in repr(asyncio.run(scene()))


def test_a_lock_that_git_left_is_named_and_holds_back_deletes_alone(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeeves_runner.sync.GIT_PATIENCE", 0.2)
    monkeypatch.setattr("jeeves_runner.sync.SETTLE", 0.0)
    lock = project.root / ".git" / "index.lock"

    async def scene() -> None:
        async with syncing(project) as (sync, task):
            task.cancel()
            await asyncio.wait({task})
            lock.parent.mkdir()
            lock.touch()
            project.write("new.yaml", "run: echo new\ntimeout: 1m\n")
            project.remove("job.yaml")
            state = await sync.look()
            assert (state.state, state.reason) == (
                "pending",
                f"deletes wait for git: {lock} exists; if no git command is at work, remove it",
            )
            assert project.jobs() == [("job",), ("new",)]
            lock.unlink()
            await sync.look()
            assert (sync.state.state, sync.state.reason) == ("in_sync", None)
            assert project.jobs() == [("new",)]

    asyncio.run(scene())
