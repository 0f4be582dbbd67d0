"""A renamed job runs by the id that it was made with, and its manifest is checked by that one too.

``H`` of the minute is 4 for `backup`, 53 for `copy` and 57 for `backup~2`.
"""

import asyncio
from pathlib import Path

import pytest
from support.project import Project, errors, summary

from jeeves_runner.core.live import Delta, Live
from jeeves_runner.core.plan import Plan
from jeeves_runner.reconcile.apply import read_live
from jeeves_runner.reconcile.explaining import explain_job
from jeeves_runner.reconcile.planner_process import PlannerProcess
from jeeves_runner.reconcile.setup import planner_setup

BACKUP = 'id: backup\nschedule: "H * * * *"\nrun: x\ntimeout: 1m\n'
COPY = BACKUP.replace("id: backup", "id: copy\nrenamed_from: backup")


def without(minute: int) -> str:
    return f'exclude: ["{minute} * * * *"]\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.write("backup.yaml", BACKUP)
    project.apply()
    return project


def renamed(project: Project) -> Project:
    project.remove("backup.yaml")
    project.write("copy.yaml", COPY)
    project.apply()
    return project


def never_occurs(plan: Plan) -> bool:
    found = errors(plan)
    assert len(found) <= 1
    return bool(found) and "8 years" in found[0]


def test_in_the_plan_that_renames_it(project: Project) -> None:
    project.remove("backup.yaml")
    project.write("copy.yaml", COPY + without(53))
    assert not never_occurs(project.plan())
    project.write("copy.yaml", COPY + without(4))
    assert never_occurs(project.plan())


def test_once_it_has_been_renamed(project: Project) -> None:
    renamed(project)
    for text in (COPY, BACKUP.replace("id: backup", "id: copy")):
        project.write("copy.yaml", text + without(53))
        assert not never_occurs(project.plan())
        project.write("copy.yaml", text + without(4))
        assert never_occurs(project.plan())
        assert summary(project.plan()) == ["=job copy"]


def test_a_new_job_with_its_old_id_has_another(project: Project) -> None:
    renamed(project)
    project.write("copy.yaml", BACKUP.replace("id: backup", "id: copy"))
    project.write("backup.yaml", BACKUP + without(4))
    assert not never_occurs(project.plan())
    project.write("backup.yaml", BACKUP + without(57))
    assert never_occurs(project.plan())
    project.write("backup.yaml", BACKUP)
    project.apply()
    project.write("backup.yaml", BACKUP + without(4))
    assert not never_occurs(project.plan())


def test_a_deleted_one_comes_back_with_it(project: Project) -> None:
    renamed(project)
    project.remove("copy.yaml")
    project.write("other.yaml", BACKUP.replace("id: backup", "id: other"))
    project.apply(allow_deletes=1)
    project.write("copy.yaml", BACKUP.replace("id: backup", "id: copy") + without(4))
    assert never_occurs(project.plan())


def test_what_clocks_skip_is_told_of_the_time_at_which_it_runs(project: Project) -> None:
    """The hour of `backup` is 1 to 3 as its namespace says: 1, at which Vienna's clocks skip nothing."""
    times = 'timezone: Europe/Vienna\nrun: x\ntimeout: 1m\nschedule: "{} H(1-3) * * *"\n'
    project.write("backup.yaml", "id: backup\n" + times.format(30))
    project.apply()
    assert [p.code for p in project.plan().problems] == []
    project.remove("backup.yaml")
    project.write("copy.yaml", "id: copy\nrenamed_from: backup\n" + times.format(30))
    assert [p.code for p in project.plan().problems] == []
    project.apply()
    project.write("copy.yaml", "id: copy\n" + times.format(40))
    assert [p.code for p in project.plan().problems] == []


def test_the_planner_of_a_server_knows_it_from_the_rows_and_from_an_apply(project: Project) -> None:
    excluding = BACKUP.replace("id: backup", "id: copy") + without(4)

    def never() -> Live:
        raise AssertionError("it should know what is live")

    async def ask() -> list[bool]:
        process = PlannerProcess(planner_setup(project.config))
        try:
            project.remove("backup.yaml")
            project.write("copy.yaml", COPY)
            renaming = await process.plan(1, lambda: read_live(project.conn), 0.0)
            await process.advance(Delta.of(renaming, renaming.base + 1), 2)
            project.write("copy.yaml", excluding)
            followed = await process.plan(2, never, 0.0)
            project.write("copy.yaml", COPY)
            project.apply()
            project.write("copy.yaml", excluding)
            told = await process.plan(3, lambda: read_live(project.conn), 0.0)
            return [never_occurs(followed), never_occurs(told)]
        finally:
            process.close()

    assert asyncio.run(ask()) == [True, True]


def test_without_a_database_it_is_the_id(project: Project) -> None:
    project.remove("backup.yaml")
    project.write("copy.yaml", COPY + without(4))
    assert not never_occurs(project.validate())


def test_where_a_value_comes_from_is_told_by_it_too(project: Project) -> None:
    renamed(project)
    project.write("copy.yaml", BACKUP.replace("id: backup", "id: copy") + without(53))
    assert explain_job(project.config, project.conn, "copy").is_valid
