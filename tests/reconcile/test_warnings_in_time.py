"""Warnings that are true for a while: told when they are, and read again no more often than needed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.project import Project

from jeeves_runner.core.delete_guard import Confirmed
from jeeves_runner.core.origin import AppliedBy
from jeeves_runner.core.plan import Plan
from jeeves_runner.db.connection import transaction
from jeeves_runner.reconcile.apply import ApplyOptions, apply_plan, read_live
from jeeves_runner.reconcile.planner import Planner
from jeeves_runner.reconcile.setup import planner_setup, source_of


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def apply(project: Project, now: str) -> Plan:
    """The plan of a time, applied."""
    project.clock.time = datetime.fromisoformat(now).replace(tzinfo=UTC)
    conn = project.conn
    plan = Planner(planner_setup(project.config), clock=project.clock).plan(read_live(conn))
    options = ApplyOptions(
        applied_by=AppliedBy.CLI, source=source_of(project.config), confirmed=Confirmed(None, frozenset())
    )
    with transaction(conn, project.clock) as tx:
        apply_plan(tx, plan, options)
    return plan


def read(plan: Plan) -> list[str]:
    return [record.path for record in plan.files]


def told(plan: Plan) -> list[str]:
    return [problem.message for problem in plan.problems]


def test_a_schedule_runs_out_while_its_file_stays(project: Project) -> None:
    project.write("a.yaml", "schedule: {at: 2026-03-05T09:00}\nrun: x\ntimeout: 1m\n")
    first = apply(project, "2026-03-01")
    assert (read(first), told(first)) == (["jobs.d/a.yaml"], [])
    second = apply(project, "2026-03-05T08:59:59")
    assert (read(second), told(second)) == ([], [])
    third = apply(project, "2026-03-05T09:00:01")
    message = "`at 2026-03-05T09:00` has run out: its last time was 2026-03-05T09:00:00Z"
    assert (read(third), told(third)) == ([], [message])
    assert "since" not in third.problems[0].as_json()


def test_the_next_night_is_told_when_one_has_passed(project: Project) -> None:
    project.write("a.yaml", "schedule: 30 2 * * *\nrun: x\ntimeout: 1m\ntimezone: Europe/Vienna\n")
    text = "`30 2 * * *`: on {} in Europe/Vienna, 02:30 does not exist, and runs once at 03:00"
    first = apply(project, "2026-03-01")
    assert (read(first), told(first)) == (["jobs.d/a.yaml"], [text.format("2026-03-29")])
    before = apply(project, "2026-03-29T00:59:59")
    assert (read(before), told(before)) == ([], [text.format("2026-03-29")])
    after = apply(project, "2026-03-29T01:00:01")
    assert (read(after), told(after)) == (["jobs.d/a.yaml"], [text.format("2027-03-28")])
    later = apply(project, "2026-03-30")
    assert (read(later), told(later)) == ([], [text.format("2027-03-28")])
