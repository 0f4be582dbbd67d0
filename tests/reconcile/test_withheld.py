"""What a look finds and does not apply: it says why, and what applies it all the same."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.project import Project
from support.reconciling import looking

from jeeves_runner.core.plan import Plan
from jeeves_runner.db.connection import transaction
from jeeves_runner.db.queue_enqueue import enqueue
from jeeves_runner.reconcile.sync_status import SyncStatus
from jeeves_runner.views.revisions import revision_view
from jeeves_runner.views.sync import sync_view


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.write("job.yaml", "run: echo hello\ntimeout: 1m\n")
    return project


def test_what_is_pending_says_why(project: Project) -> None:
    async def scene() -> None:
        async with looking(project, automatic=False) as reconciler:
            state = await reconciler.look()
            assert (state.state, state.reason) == (
                "pending",
                "sync.mode is manual; confirm with `jeeves-runner apply`",
            )
        async with looking(project) as reconciler:
            await reconciler.look()
            project.write("other.yaml", "run: echo other\ntimeout: 1m\n")
            project.remove("job.yaml")
            state = await reconciler.look()
            assert (state.state, state.reason) == (
                "pending",
                "deletes count once the folder has stayed as it is for 3 s",
            )
            assert reconciler.settling() is not None

    asyncio.run(scene())


def test_what_a_plan_does_besides_is_shown_while_it_waits_and_logged_with_its_revision(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    project.write("owner.yaml", "run: echo\ntimeout: 1m\nenv: {B: {from_env: PROD_PASSWORD}}\n")
    message = "PROD_PASSWORD is hidden from all other jobs: job owner takes it as a secret"

    async def scene() -> None:
        async with looking(project, automatic=False) as reconciler:
            state = await reconciler.look()
            assert [each["message"] for each in sync_view(state)["consequences"]] == [message]
            assert message not in caplog.text
            reconciler.apply_now()
            state = await reconciler.look()
            assert sync_view(state)["consequences"] == []

    asyncio.run(scene())
    assert f"revision 1: {message}" in caplog.messages
    shown = revision_view(project.conn, 1)["revision"]["consequences"]
    assert [each["message"] for each in shown or ()] == [message]


def withheld(state: SyncStatus) -> list[tuple[str, tuple[str, ...], str | None]]:
    """What is kept back: by what, which ids, and the command that applies it."""
    return [(each.by, tuple(name for _, name in each.keys), each.command) for each in state.withheld]


def test_of_deletes_only_those_that_are_refused_wait_each_with_its_command(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeeves_runner.sources.folder.source.SETTLE", 0.0)
    project.write("queues.yaml", "queues: [{id: mail}, {id: post}, {id: rest}]\n")
    project.write("other.yaml", "run: echo other\ntimeout: 1m\n")
    project.apply()
    for queue in ("mail", "post"):
        with transaction(project.conn, project.clock) as tx:
            enqueue(tx, queue, ["1"])
    project.write("queues.yaml", "queues: []\n")
    project.remove("other.yaml")
    command = "jeeves-runner apply --allow-delete queue:mail --allow-delete queue:post"

    async def scene() -> None:
        async with looking(project) as reconciler:
            state = await reconciler.look()
            assert project.jobs() == [("job",)]
            assert (
                project.value("SELECT group_concat(id) FROM queues WHERE deleted_at IS NULL") == "mail,post"
            )
            assert withheld(state) == [("guard", ("mail",), command), ("guard", ("post",), command)]
            reasons = "queue mail still holds items; queue post still holds items"
            assert (state.state, state.reason) == ("blocked", f"{reasons}; confirm with `{command}`")
            assert [c.id for c in state.plan.changes] == ["mail", "post"]
            since = [each.since for each in state.withheld]
            project.apply(allow_delete=["mail", "post"])
            project.write("queues.yaml", "queues: [{id: mail}]\n")
            project.apply()
            project.write("queues.yaml", "queues: []\n")
            state = await reconciler.look()
            assert withheld(state) == [("guard", ("mail",), "jeeves-runner apply --allow-delete queue:mail")]
            assert [each.since for each in state.withheld] == since[:1]

    asyncio.run(scene())


def test_a_delete_that_waits_for_a_broken_file_is_named(project: Project) -> None:
    project.write("other.yaml", "run: echo other\ntimeout: 1m\n")
    project.write("third.yaml", "run: echo third\ntimeout: 1m\n")
    project.apply()
    project.remove("job.yaml")
    project.write("third.yaml", "run: [\n")

    async def scene() -> None:
        async with looking(project) as reconciler:
            state = await reconciler.look()
            assert (state.state, withheld(state)) == ("held", [("incomplete", ("job",), None)])
            (held,) = state.plan.held
            assert (held.id, held.since) == ("third", project.value("SELECT since FROM held"))

    asyncio.run(scene())


def test_another_source_withholds_everything_until_it_is_taken_over(project: Project) -> None:
    project.apply()
    (project.root / "other").mkdir()
    (project.root / "other" / "new.yaml").write_text("run: echo new\ntimeout: 1m\n")
    (project.root / "jeeves-runner.yaml").write_text("jobs_dir: other\n")

    async def scene() -> None:
        async with looking(project) as reconciler:
            state = await reconciler.look()
            assert withheld(state) == [("source", ("job", "new"), "jeeves-runner apply --take-over")]
            assert state.state == "blocked"

    asyncio.run(scene())


def test_a_word_to_apply_holds_for_the_plan_it_was_given_for(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        project.write(f"job{n}.yaml", f"run: echo {n}\ntimeout: 1m\n")
    project.apply()

    async def scene() -> None:
        async with looking(project, automatic=False) as reconciler:
            project.remove("job0.yaml")
            project.write("job1.yaml", "run: echo asked for\ntimeout: 1m\n")
            reconciler.apply_now()
            await reconciler.look()
            assert project.value("SELECT script FROM jobs WHERE id = 'job1'") == "echo asked for"
            assert project.value("SELECT applied_by FROM revisions ORDER BY id DESC") == "api"
            project.write("job1.yaml", "run: echo not asked for\ntimeout: 1m\n")
            monkeypatch.setattr("jeeves_runner.sources.folder.source.SETTLE", 0.0)
            await reconciler.look()
            await reconciler.look()
            assert reconciler.status.state == "pending"
            assert project.value("SELECT script FROM jobs WHERE id = 'job1'") == "echo asked for"
            assert ("job0",) in project.jobs()
            reconciler.apply_now()
            await reconciler.look()
            assert ("job0",) not in project.jobs()

    asyncio.run(scene())


def test_a_word_given_amid_a_look_is_for_what_the_look_after_it_finds(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        async with looking(project, automatic=False) as reconciler:
            plan = reconciler._planner.plan

            async def then_somebody_saves_and_asks(*known: Any) -> Plan:
                found = await plan(*known)
                project.write("saved.yaml", "run: echo saved\ntimeout: 1m\n")
                reconciler.apply_now()
                return found

            monkeypatch.setattr(reconciler._planner, "plan", then_somebody_saves_and_asks)
            await reconciler.look()
            assert project.jobs() == []
            monkeypatch.undo()
            await reconciler.look()
            assert project.jobs() == [("job",), ("saved",)]

    asyncio.run(scene())


def test_a_word_to_apply_does_not_outlive_a_look_that_failed(project: Project) -> None:
    async def scene() -> None:
        async with looking(project, automatic=False) as reconciler:
            project.jobs_dir.rename(project.root / "away")
            reconciler.apply_now()
            assert (await reconciler.look()).state == "error"
            (project.root / "away").rename(project.jobs_dir)
            assert (await reconciler.look()).state == "pending"
            assert project.jobs() == []

    asyncio.run(scene())
