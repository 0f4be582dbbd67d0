"""What a commit hook hides from its checks stays live: the loop, the planner's own process, and real git."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.git_tree import git
from support.project import Project

from jeeves_runner.clock import SystemClock
from jeeves_runner.db.writer import Writer
from jeeves_runner.reconcile.apply import Applied
from jeeves_runner.reconcile.planner_process import PlannerProcess
from jeeves_runner.reconcile.reconciler import Reconciler
from jeeves_runner.reconcile.setup import planner_setup

pytestmark = pytest.mark.service

WHY = (
    "jobs.d/a.yaml is back at the text in git's index, as while a commit hook runs;"
    " it counts from its next change, after 60 s, or with `jeeves-runner apply`"
)
COMMITTED = "{id: a, run: echo a, timeout: 1m}\n"
SWITCHED_OFF = "{id: a, run: echo a, timeout: 1m, enabled: false}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in which a job was switched off and that is not committed."""
    project = Project(tmp_path)
    project.write("a.yaml", COMMITTED)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "jobs.d")
    git(tmp_path, "commit", "-qm", "Declare a job")
    project.write("a.yaml", SWITCHED_OFF)
    return project


def hide(project: Project) -> None:
    """What the hook does before its checks."""
    git(project.root, "checkout", "--", ".")
    assert (project.jobs_dir / "a.yaml").read_text() == COMMITTED


class Scene:
    """A reconciler that has applied what is there, and its planner."""

    def __init__(self, project: Project, reconciler: Reconciler, planner: PlannerProcess) -> None:
        self.project = project
        self.reconciler = reconciler
        self.planner = planner
        self.clock = project.clock

    async def saw(self) -> tuple[str, str | None, object]:
        """State and reason after one look more, and whether the job is enabled."""
        status = await self.reconciler.look()
        return status.state, status.reason, self.project.value("SELECT enabled FROM jobs WHERE id = 'a'")


@asynccontextmanager
async def switched_off(project: Project) -> AsyncIterator[Scene]:
    async def applied(_applied: Applied) -> None:
        """There are no followers."""

    conn = project.conn
    setup = planner_setup(project.config)
    planner = PlannerProcess(setup)
    try:
        async with Writer(project.config.db_path, SystemClock()) as writer:
            reconciler = Reconciler(
                source=setup.source,
                planner=planner,
                writer=writer,
                conn=conn,
                clock=project.clock,
                applied=applied,
                interval=3600,
            )
            scene = Scene(project, reconciler, planner)
            assert await scene.saw() == ("in_sync", None, 0)
            yield scene
    finally:
        planner.close()
        conn.close()


def test_a_job_stays_switched_off_while_a_hook_hides_the_edit(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def story() -> None:
        async with switched_off(project) as scene:
            hide(project)
            assert await scene.saw() == ("pending", WHY, 0)
            (change,) = scene.reconciler.status.plan.changes
            assert [(f.path, f.old, f.new) for f in change.fields] == [("enabled", False, True)]
            project.write("b.yaml", "{id: b, run: echo b, timeout: 1m}\n")
            assert await scene.saw() == ("pending", WHY, 0)
            assert project.jobs() == [("a",), ("b",)]
            project.write("a.yaml", SWITCHED_OFF)
            assert await scene.saw() == ("in_sync", None, 0)

    asyncio.run(story())
    assert [message for message in caplog.messages if "pending" in message] == [f"manifests: pending: {WHY}"]


def test_an_edit_is_known_where_git_turns_the_ends_of_lines(project: Project) -> None:
    def write(text: str) -> None:
        (project.jobs_dir / "a.yaml").write_bytes(text.replace("\n", "\r\n").encode())

    write(SWITCHED_OFF)
    git(project.root, "config", "core.autocrlf", "true")

    async def story() -> None:
        async with switched_off(project) as scene:
            git(project.root, "checkout", "--", ".")
            assert (project.jobs_dir / "a.yaml").read_bytes() == COMMITTED.replace("\n", "\r\n").encode()
            assert await scene.saw() == ("pending", WHY, 0)
            write(SWITCHED_OFF)
            assert await scene.saw() == ("in_sync", None, 0)

    asyncio.run(story())


def after_a_minute(scene: Scene) -> None:
    scene.clock.advance(seconds=60)


def as_a_person_asked(scene: Scene) -> None:
    scene.reconciler.apply_now()


def by_an_apply(scene: Scene) -> None:
    scene.project.apply()


ENDS = [after_a_minute, as_a_person_asked, by_an_apply]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_a_text_that_stays_is_believed(project: Project, end: Callable[[Scene], None]) -> None:
    async def story() -> None:
        async with switched_off(project) as scene:
            hide(project)
            assert await scene.saw() == ("pending", WHY, 0)
            end(scene)
            assert await scene.saw() == ("in_sync", None, 1)
            assert await scene.saw() == ("in_sync", None, 1)
            project.write("a.yaml", SWITCHED_OFF)
            assert await scene.saw() == ("in_sync", None, 0)

    asyncio.run(story())


def test_the_minute_is_over_without_a_hint_from_the_system(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeeves_runner.sources.stamps.GLANCE", 0.05)

    async def story() -> None:
        async with switched_off(project) as scene:
            hide(project)
            assert await scene.saw() == ("pending", WHY, 0)
            hints = asyncio.Event()
            task = asyncio.create_task(scene.reconciler._watch._glance(hints.set))  # type: ignore[attr-defined]
            scene.clock.advance(seconds=60)
            async with asyncio.timeout(30):
                await hints.wait()
            task.cancel()

    asyncio.run(story())


def test_another_planner_knows_what_the_one_before_saw(project: Project) -> None:
    async def story() -> None:
        async with switched_off(project) as scene:
            child = scene.planner._child
            assert child is not None
            child.kill()
            child.wait()
            hide(project)
            await scene.reconciler.look()  # where the end is found only now, this look fails
            assert await scene.saw() == ("pending", WHY, 0)

    asyncio.run(story())


def test_lines_that_move_meanwhile_are_right_when_the_edit_is_back(project: Project) -> None:
    async def story() -> None:
        async with switched_off(project) as scene:
            edited = "# Two lines\n# more.\njobs:\n  - " + COMMITTED
            project.write("a.yaml", edited)
            assert await scene.saw() == ("in_sync", None, 1)
            hide(project)
            assert await scene.saw() == ("in_sync", None, 1)
            assert project.jobs("line") == [(4,)]
            project.write("a.yaml", edited)
            assert await scene.saw() == ("in_sync", None, 1)
            assert project.jobs("line") == [(4,)]

    asyncio.run(story())


def test_jobs_below_defaults_that_a_hook_hides_wait_too(project: Project) -> None:
    project.write("team/b.yaml", "{id: b, run: echo b, timeout: 1m}\n")
    project.write("team/_defaults.yaml", "defaults: {enabled: true}\n")
    git(project.root, "add", "jobs.d/team")
    project.write("team/_defaults.yaml", "defaults: {enabled: false}\n")

    async def story() -> None:
        async with switched_off(project) as scene:
            hide(project)
            assert (await scene.saw())[0] == "pending"
            assert project.jobs("id, enabled") == [("a", 0), ("b", 0)]
            assert (scene.reconciler.status.reason or "").endswith("; 1 more manifest waits likewise")

    asyncio.run(story())
