"""What the job is called now that had an id, also where ids were used again."""

from pathlib import Path

import pytest
from support.db import database
from support.project import Project

from jeeves_runner.db.renames import Rename, all_renames, new_id
from jeeves_runner.errors import NotFound
from jeeves_runner.views.why import why_view


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def declare(project: Project, **jobs: str | None) -> None:
    """Let these be the jobs, each with the id that it had before, and apply that."""
    for path in project.jobs_dir.iterdir():
        path.unlink()
    project.write("list.yaml", "jobs: []\n")
    for name, old in jobs.items():
        before = "" if old is None else f"renamed_from: {old}\n"
        project.write(f"{name}.yaml", f"{before}run: x\ntimeout: 1m\n")
    project.apply(allow_deletes=9)


def present(project: Project, name: str) -> str | None:
    """What both say who tell it of the id."""
    conn = database(project.config.db_path)
    try:
        why = why_view(conn, project.clock.now(), name, served=False)["job_id"]
    except NotFound:
        why = name
    found = new_id(conn, name)
    assert why == (found or name)
    return found


def test_a_chain_leads_to_its_end(project: Project) -> None:
    declare(project, a=None)
    declare(project, b="a")
    declare(project, c="b")
    assert [present(project, name) for name in "abc"] == ["c", "c", None]


def test_an_id_that_another_job_had_and_lost_is_no_longer_the_first_ones(project: Project) -> None:
    declare(project, a=None)
    declare(project, b="a")
    declare(project, b=None, a=None)
    declare(project, b=None)
    assert present(project, "a") is None


def test_another_job_with_a_name_in_between_takes_nothing_over(project: Project) -> None:
    declare(project, a=None)
    declare(project, b="a")
    declare(project, c="b")
    declare(project, c=None, b=None)
    assert present(project, "a") == "c"
    declare(project, c=None, d="b")
    assert [present(project, name) for name in "ab"] == ["c", "d"]
    assert Rename("a", "c") in all_renames(project.conn)


def test_a_job_that_has_its_first_id_again(project: Project) -> None:
    declare(project, a=None)
    declare(project, b="a")
    declare(project, a="b")
    assert [present(project, name) for name in "ab"] == [None, "a"]
