"""What is said of thousands of mistakes at once, and what all manifests together may come to."""

from pathlib import Path

import pytest
from support.project import Project

from jeeves_runner.core.manifest.budget import MAX_DECLARED
from jeeves_runner.errors import SourceError
from jeeves_runner.reconcile import parallel_reader


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_an_id_that_is_declared_thousands_of_times_is_told_in_few_words(project: Project) -> None:
    project.write("a.yaml", "jobs:\n" + "- {id: a, run: x, timeout: 1m}\n" * 5000)
    project.write("b.yaml", "jobs:\n- {id: a, run: x, timeout: 1m}\n")
    plan = project.plan()
    assert [problem.line for problem in plan.problems if problem.file == "jobs.d/a.yaml"] == [
        *range(2, 102),
        102,
    ]
    first, (*_, last) = plan.problems[0], plan.problems
    places = "jobs.d/a.yaml:3, jobs.d/a.yaml:4, jobs.d/a.yaml:5 and 4,997 more"
    assert first.message == f"job id `a` is also declared in {places}"
    assert last.file == "jobs.d/b.yaml"
    assert [problem.message for problem in plan.problems if problem.code == "more_problems"] == [
        "… and at least 4,900 more errors from here on"
    ]


def test_of_many_missing_scripts_a_hundred_are_listed_and_all_are_held(project: Project) -> None:
    project.write(
        "a.yaml", "jobs:\n" + "".join(f"- {{id: a{n}, script: x{n}.sh, timeout: 1m}}\n" for n in range(500))
    )
    plan = project.plan()
    assert [problem.line for problem in plan.problems] == [*range(2, 102), 102]
    assert plan.problems[-1].message == "… and at least 400 more errors from here on"
    assert plan.changes == ()


def test_all_manifests_together_are_bounded_however_they_came(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is live counts as much as what is read, so that a look does not depend on those before it."""
    assert MAX_DECLARED == 100_000_000
    monkeypatch.setattr(parallel_reader, "MAX_DECLARED", 10_000)
    text = "run: x\ntimeout: 1m\ndescription: " + "y" * 4000 + "\n"
    for name in ("a.yaml", "b.yaml"):
        project.write(name, text)
        project.apply()
    project.write("c.yaml", text)
    with pytest.raises(SourceError, match="all manifests together declare more than 10,000 bytes"):
        project.plan()
    (project.jobs_dir / "a.yaml").unlink()
    assert [change.id for change in project.plan().changes] == ["a", "c"]


def test_a_fork_that_reads_too_much_says_so(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel_reader, "MAX_DECLARED", 10_000)
    monkeypatch.setattr(parallel_reader, "WORTH_A_PROCESS", 1000)
    project.write("a.yaml", "run: x\ntimeout: 1m\n")
    several = "".join(f"- {{id: b{n}, run: x, timeout: 1m, description: {'y' * 1000}}}\n" for n in range(20))
    project.write("b.yaml", f"jobs:\n{several}")
    with pytest.raises(SourceError, match="all manifests together"):
        project.plan()
