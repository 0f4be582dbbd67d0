"""Checks across manifests: made at each look, also of files that have not changed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.clock import HandClock
from support.project import Project, errors, summary

from jeeves_runner.core.graph.checks import check
from jeeves_runner.core.graph.found import Declared, Found
from jeeves_runner.core.live import Live
from jeeves_runner.core.plan import Plan
from jeeves_runner.reconcile.apply import read_live
from jeeves_runner.reconcile.planner import Planner
from jeeves_runner.reconcile.setup import planner_setup


def job(name: str, *keys: str) -> str:
    return "\n".join([f"id: {name}", f"run: echo {name}", "timeout: 5m", *keys, ""])


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def warnings(plan: Plan) -> list[str]:
    return [f"{p.file}:{p.line}: {p.code}" for p in plan.problems if not p.is_error]


def test_a_job_waits_for_one_that_another_file_declares(project: Project) -> None:
    project.write("b.yaml", job("b", "after: a"))
    assert summary(project.apply().plan) == []
    assert errors(project.plan()) == [
        "jobs.d/b.yaml:1: `after` names `a`, and no manifest declares such a job"
    ]
    project.write("a.yaml", job("a"))
    assert summary(project.apply().plan) == ["+job a", "+job b"]
    assert project.plan().problems == ()


def test_a_file_that_has_not_changed_is_wrong_when_another_one_goes(project: Project) -> None:
    project.write("a.yaml", job("a"))
    project.write("b.yaml", job("b", "after: a"))
    project.apply()
    project.remove("a.yaml")
    for _ in range(2):
        plan = project.apply(allow_deletes=1).plan
        assert summary(plan) == ["=job b"]
        assert plan.suspended == (("job", "a"),)
        assert errors(plan) == ["jobs.d/b.yaml:1: `after` names `a`, and no manifest declares such a job"]
    project.write("b.yaml", job("b"))
    assert summary(project.apply(allow_deletes=1).plan) == ["-job a", "~job b"]
    assert project.plan().problems == ()


def test_while_a_file_cannot_be_parsed_an_unknown_job_is_a_warning(project: Project) -> None:
    project.write("a.yaml", "id: [")
    project.write("b.yaml", job("b", "after: a"))
    plan = project.apply().plan
    assert summary(plan) == ["+job b"]
    assert warnings(plan) == ["jobs.d/b.yaml:1: unknown_job"]
    project.write("a.yaml", job("other"))
    plan = project.plan()
    assert summary(plan) == ["+job other", "=job b"]
    assert warnings(plan) == []


def test_a_job_with_a_mistake_is_known(project: Project) -> None:
    project.write("a.yaml", job("a", "timeout: soon").replace("timeout: 5m\n", ""))
    project.write("b.yaml", job("b", "after: a"))
    assert summary(project.plan()) == ["+job b"]
    assert len(errors(project.plan())) == 1


def test_live_jobs_on_a_cycle_are_held_and_new_ones_are_not_made(project: Project) -> None:
    project.write("a.yaml", job("a"))
    project.write("b.yaml", job("b", "after: a"))
    project.apply()
    project.write("a.yaml", job("a", "after: c"))
    project.write("c.yaml", job("c", "needs: b"))
    project.write("d.yaml", job("d", "after: b"))
    plan = project.apply().plan
    assert summary(plan) == ["+job d", "=job a", "=job b"]
    assert [line.split(": ")[0] for line in errors(plan)] == [
        "jobs.d/a.yaml:1", "jobs.d/b.yaml:1", "jobs.d/c.yaml:1",
    ]  # fmt: skip
    assert project.value("SELECT count(*) FROM edges WHERE job_id = 'a'") == 0
    project.write("c.yaml", job("c"))
    assert summary(project.apply().plan) == ["+job c", "~job a"]


def test_a_held_job_is_on_a_cycle_by_what_it_was_last(project: Project) -> None:
    project.write("a.yaml", job("a", "after: b"))
    project.write("b.yaml", job("b"))
    project.apply()
    project.write("a.yaml", job("a", "colour: red"))
    project.write("b.yaml", job("b", "after: a"))
    plan = project.apply().plan
    assert summary(plan) == ["=job a", "=job b"]
    assert project.plan().changes == ()


def test_a_rename_waits_for_the_edges_of_the_job(project: Project) -> None:
    project.write("a.yaml", job("a"))
    project.apply()
    project.write("a.yaml", job("b", "renamed_from: a", "after: c"))
    plan = project.apply().plan
    assert summary(plan) == ["=job a"]
    assert project.jobs() == [("a",)]
    project.write("a.yaml", job("b", "renamed_from: a"))
    project.apply()
    assert project.jobs() == [("b",)]


def test_a_job_that_named_the_old_id_is_told_the_new_one(project: Project) -> None:
    project.write("a.yaml", job("a"))
    project.write("b.yaml", job("b", "after: a"))
    project.apply()
    project.write("a.yaml", job("c", "renamed_from: a"))
    plan = project.plan()
    assert [p.hint for p in plan.problems if p.is_error] == ["it is called `c` now"]


def test_warnings_come_and_go_with_other_files(project: Project) -> None:
    project.write("a.yaml", job("a", 'writes: ["queue:in"]'))
    project.write("queues.yaml", "queues: [{id: in}]\n")
    assert warnings(project.apply().plan) == ["jobs.d/a.yaml:1: unread_queue"]
    project.write("b.yaml", job("b", "on_queue: {queue: in}"))
    assert warnings(project.apply().plan) == []
    project.remove("a.yaml")
    assert warnings(project.apply(allow_deletes=1).plan) == ["jobs.d/b.yaml:1: unwritten_queue"]


def test_the_config_makes_the_warnings_errors(project: Project) -> None:
    project.write("a.yaml", job("a", 'writes: ["queue:in"]'))
    project.write("queues.yaml", "queues: [{id: in}]\n")
    project.apply()
    (project.root / "jeeves-runner.yaml").write_text("graph: {checks: error}\n")
    plan = project.plan()
    assert errors(plan) == ["jobs.d/a.yaml:1: job `a` writes `queue:in`, and no job reads it"]
    assert summary(plan) == ["=job a"]


def test_a_credential_expires_while_its_file_stays_as_it_is(project: Project) -> None:
    project.write("nodes.yaml", 'nodes: [{id: g, kind: auth, expires: "2026-03-31"}]\n')
    project.apply()
    (project.root / "jeeves-runner.yaml").write_text("timezone: Pacific/Kiritimati\n")
    clock = HandClock(datetime(2026, 3, 16, 9, 59, tzinfo=UTC))
    planner = Planner(planner_setup(project.config), clock=clock)
    live = read_live(project.conn)
    assert planner.plan(live).problems == ()
    clock.advance(minutes=1)
    assert warnings(planner.plan(live)) == ["jobs.d/nodes.yaml:1: expires"]


def test_nothing_is_checked_again_until_something_changes(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("a.yaml", job("a", "after: x"))
    project.write("b.yaml", job("b", 'writes: ["queue:in"]'))
    calls = []

    def counted(declared: Declared) -> list[Found]:
        calls.append(declared)
        return check(declared)

    monkeypatch.setattr("jeeves_runner.reconcile.graph_checks.check", counted)
    planner = Planner(planner_setup(project.config), clock=project.clock)
    first = planner.plan(Live.nothing()).problems
    assert planner.plan(Live.nothing()).problems == first
    assert len(calls) == 1
    project.write("c.yaml", job("x"))
    assert planner.plan(Live.nothing()).problems != first
    assert len(calls) == 2


def test_what_a_job_with_a_mistake_may_write_or_read_is_not_missed(project: Project) -> None:
    project.write("a.yaml", job("a", "writes: [queue:mail]", "reads: [datastore:rules]"))
    project.write("b.yaml", job("b", "on_queue: mail", "writes: [datastore:rules]"))
    project.write("queues.yaml", "queues: [{id: mail}]\nnodes: [{kind: datastore, id: rules}]\n")
    plan = project.validate()
    assert len(errors(plan)) == 1
    assert warnings(plan) == []
