"""The loop with another kind of source, in the planner's own process too: nothing in it knows of folders."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.git_tree import GitTree, git
from support.project import Project

from jeeves_runner.clock import SystemClock
from jeeves_runner.config import Config
from jeeves_runner.db.writer import Writer
from jeeves_runner.errors import SourceMismatch
from jeeves_runner.reconcile import setup
from jeeves_runner.reconcile.apply import Applied
from jeeves_runner.reconcile.planner_process import PlannerProcess
from jeeves_runner.reconcile.reconciler import Reconciler


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose manifests are read from a commit, and whose folder of manifests is empty."""
    project = Project(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))  # for the planner's process
    monkeypatch.setattr("jeeves_runner.sources.stamps.GLANCE", 0.05)

    def tree(config: Config) -> GitTree:
        return GitTree(repo=config.root / ".git")

    monkeypatch.setattr(setup, "SOURCES", (tree, *setup.SOURCES))
    git(tmp_path, "init", "-q")
    project.write("one.yaml", "run: echo one\ntimeout: 1m\n")
    project.write("two.yaml", "run: echo two\ntimeout: 1m\n")
    save(project, "Declare two jobs")
    return project


def save(project: Project, subject: str) -> str:
    """Commit what there is, and take it out of the folder: it must not be read there."""
    git(project.root, "add", "--all", "jobs.d")
    git(project.root, "commit", "-qm", subject)
    for manifest in project.jobs_dir.iterdir():
        manifest.unlink()
    return git(project.root, "rev-parse", "HEAD")


def bring_back(project: Project) -> None:
    git(project.root, "checkout", "-q", "--", "jobs.d")


@asynccontextmanager
async def reconciling(project: Project) -> AsyncIterator[Reconciler]:
    async def applied(_applied: Applied) -> None:
        """There are no followers."""

    conn = project.conn
    made = setup.planner_setup(project.config)
    planner = PlannerProcess(made)
    try:
        async with Writer(project.config.db_path, SystemClock()) as writer:
            yield Reconciler(
                source=made.source,
                planner=planner,
                writer=writer,
                conn=conn,
                clock=SystemClock(),
                applied=applied,
                interval=3600,
            )
    finally:
        planner.close()
        conn.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - looks are not announced
            await asyncio.sleep(0.01)


def test_a_commit_is_applied_with_its_deletes_at_once(project: Project) -> None:
    async def scene() -> None:
        async with reconciling(project) as reconciler:
            status = await reconciler.look()
            first = git(project.root, "rev-parse", "HEAD")
            assert (status.state, status.commit) == ("in_sync", first)
            assert project.jobs() == [("one",), ("two",)]
            bring_back(project)
            (project.jobs_dir / "two.yaml").unlink()
            project.write("three.yaml", "run: echo three\ntimeout: 1m\n")
            second = save(project, "Put three in the place of two")
            status = await reconciler.look()
            assert (status.state, status.commit, reconciler.settling()) == ("in_sync", second, None)
            assert project.jobs() == [("one",), ("three",)]

    asyncio.run(scene())
    rows = project.conn.execute('SELECT created, updated, deleted, "commit", author, subject FROM revisions')
    assert [(*row[:3], *row[4:]) for row in rows] == [
        (2, 0, 0, "Ann <ann@example.org>", "Declare two jobs"),
        (1, 0, 1, "Ann <ann@example.org>", "Put three in the place of two"),
    ]
    assert list(project.conn.execute("SELECT kind, location FROM source")) == [
        ("git", f"{project.root}/.git:jobs.d")
    ]


def test_a_ref_that_moves_is_followed(project: Project) -> None:
    async def scene() -> None:
        async with reconciling(project) as reconciler:
            task = asyncio.create_task(reconciler.run())
            await until(lambda: project.jobs() == [("one",), ("two",)])
            bring_back(project)
            project.write("two.yaml", "run: echo twice\ntimeout: 1m\n")
            (project.jobs_dir / "one.yaml").unlink()
            save(project, "Change two, drop one")
            await until(lambda: project.jobs("script") == [("echo twice",)])
            task.cancel()
            await asyncio.wait({task}, timeout=30)

    asyncio.run(scene())


def test_a_ref_that_is_gone_is_an_error_and_deletes_nothing(project: Project) -> None:
    async def scene() -> None:
        async with reconciling(project) as reconciler:
            await reconciler.look()
            git(project.root, "update-ref", "-d", "refs/heads/main")
            status = await reconciler.look()
            assert status.state == "error"
            assert "refs/heads/main is not in" in (status.reason or "")
            assert len(project.jobs()) == 2

    asyncio.run(scene())


def test_a_database_of_a_folder_is_taken_over_by_a_word(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(setup, "SOURCES", setup.SOURCES[1:])
        project.write("one.yaml", "run: echo one\ntimeout: 1m\n")
        project.apply()
    folder, tree = project.jobs_dir, f"{project.root}/.git:jobs.d"
    with pytest.raises(SourceMismatch) as caught:
        project.apply()
    assert f"belongs to the manifests in folder {folder}, not to git {tree}" in caught.value.message
    project.apply(take_over=True)
    assert project.jobs() == [("one",), ("two",)]
    assert list(project.conn.execute("SELECT target, detail FROM audit")) == [
        (f"source git {tree}", f"was folder {folder}")
    ]
