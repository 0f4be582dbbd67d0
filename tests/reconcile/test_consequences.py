"""A plan says which variables of the runner it hides from other jobs, and which they inherit again."""

from pathlib import Path

import pytest
from support.project import Project

OWNER = "id: owner\nrun: echo\ntimeout: 1m\nenv: {B: {from_env: PROD_PASSWORD}}\n"
OTHER = "id: other\nrun: env\ntimeout: 1m\n"
HIDDEN = ("hides_variable", "PROD_PASSWORD")
SHOWN = ("shows_variable", "PROD_PASSWORD")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.write("other.yaml", OTHER)
    project.apply()
    return project


def told(project: Project) -> list[tuple[str, str]]:
    return [each[:2] for each in project.plan().consequences]


def test_a_new_job_hides_its_variable_and_an_applied_plan_says_no_more(project: Project) -> None:
    project.write("owner.yaml", OWNER)
    assert told(project) == [HIDDEN]
    project.apply()
    assert told(project) == []


def test_a_second_taker_hides_nothing_more(project: Project) -> None:
    project.write("owner.yaml", OWNER)
    project.apply()
    project.write("second.yaml", OWNER.replace("owner", "second"))
    assert told(project) == []


def test_the_last_taker_that_goes_or_changes_gives_it_back(project: Project) -> None:
    project.write("owner.yaml", OWNER)
    project.apply()
    project.write("owner.yaml", OWNER.replace("{from_env: PROD_PASSWORD}", "plain"))
    assert told(project) == [SHOWN]
    project.remove("owner.yaml")
    assert told(project) == [SHOWN]
    project.apply(allow_deletes=1)
    project.write("owner.yaml", OWNER)
    assert told(project) == [HIDDEN]


def test_a_disabled_and_a_held_job_keep_theirs(project: Project) -> None:
    project.write("owner.yaml", OWNER)
    project.apply()
    project.write("owner.yaml", OWNER + "enabled: false\n")
    assert told(project) == []
    project.write("owner.yaml", "id: owner\nrun: [\n")
    assert told(project) == []


def test_a_part_of_a_plan_has_the_consequences_of_that_part(project: Project) -> None:
    project.write("owner.yaml", OWNER)
    project.apply()
    project.remove("owner.yaml")
    project.write("next.yaml", OWNER.replace("owner", "next").replace("PROD_", "NEXT_"))
    plan = project.plan()
    assert [each[:2] for each in plan.consequences] == [("hides_variable", "NEXT_PASSWORD"), SHOWN]
    assert [each[:2] for each in plan.without_deletes().consequences] == [("hides_variable", "NEXT_PASSWORD")]


def test_what_the_config_lets_no_job_inherit_is_not_hidden_by_a_plan(project: Project) -> None:
    (project.root / "jeeves-runner.yaml").write_text("inherit_env: [APP_*]\n")
    project.write("owner.yaml", OWNER)
    assert told(project) == []


def test_it_is_told_without_a_database(project: Project) -> None:
    project.write("owner.yaml", OWNER)
    assert [each[:2] for each in project.validate().consequences] == [HIDDEN]
