"""Where the values of a live job stand: given files that were applied, then what ``explain_job`` says."""

from pathlib import Path

import pytest
from support.project import Project

from jeeves_runner.core.explanation import Origin
from jeeves_runner.db import jobs
from jeeves_runner.reconcile.explaining import explain_job
from jeeves_runner.reconcile.explaining_applied import AppliedValues, explain_applied

DEFAULTS = "defaults: {timeout: 1h, env: {A: outer, B: outer}}\n"
JOBS = """\
defaults: {owner: ann}
jobs:
  - {id: one, run: echo 1, env: {B: own}, schedule: "H * * * *"}
  - {id: two, run: echo 2, timeout: 5m}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.write("_defaults.yaml", DEFAULTS)
    project.write("team/jobs.yaml", JOBS)
    project.apply()
    return project


def applied(project: Project, job_id: str) -> AppliedValues:
    row = jobs.job_row(project.conn, job_id)
    assert row is not None
    return explain_applied(project.config, row)


def test_it_is_what_the_comparison_with_all_manifests_says(project: Project) -> None:
    for job_id in ("one", "two"):
        found, whole = applied(project, job_id), explain_job(project.config, project.conn, job_id)
        assert found.is_said
        assert (found.keys, found.places) == (whole.keys, whole.places)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("_defaults.yaml", DEFAULTS.replace("1h", "2h")),
        ("team/_defaults.yml", "defaults: {owner: [}\n"),
        ("team/jobs.yaml", JOBS.replace("echo 1", "echo one")),
        ("team/jobs.yaml", JOBS.replace("id: one", "id: other")),
        ("team/jobs.yaml", "jobs: [\n"),
        ("team/jobs.yaml", JOBS + "#" * (300 << 10)),
    ],
)
def test_files_that_say_something_else_are_not_believed(project: Project, name: str, text: str) -> None:
    assert applied(project, "one").is_said
    project.write(name, text)
    found = applied(project, "one")
    assert not found.is_said
    assert {key.said.origin for key in found.keys} == {Origin.LIVE}
    assert {key.key: key.said.value for key in found.keys}["timeout"] == "1h"


def test_a_manifest_that_is_gone_leaves_the_values(project: Project) -> None:
    project.remove("team/jobs.yaml")
    assert not applied(project, "one").is_said
