"""Deletes that a commit allows by its trailer: how many, whose, and how often."""

import asyncio
from pathlib import Path

import pytest
from support.git_tree import git
from support.project import Project
from support.reconciling import looking

from jeeves_runner.core.origin import Allowance, AppliedBy
from jeeves_runner.db.connection import transaction
from jeeves_runner.errors import Refused
from jeeves_runner.reconcile.allowances import with_allowances
from jeeves_runner.reconcile.apply import ApplyOptions, apply_plan, read_live
from jeeves_runner.reconcile.setup import planner_of, source_of
from jeeves_runner.sources.folder.commit import allowances_of

JOBS = [f"job{n}" for n in range(9)]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Nine jobs, committed and applied."""
    project = Project(tmp_path)
    for name in JOBS:
        project.write(f"{name}.yaml", "run: echo\ntimeout: 1m\n")
    (tmp_path / ".gitignore").write_text("data/\n")
    git(tmp_path, "init", "-q")
    commit(project, "Declare nine jobs")
    apply(project)
    return project


def commit(project: Project, *paragraphs: str) -> str:
    """Commit all that is there; the hash."""
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", *(word for text in paragraphs for word in ("-m", text)))
    return git(project.root, "rev-parse", "HEAD")


def remove(project: Project, *names: str) -> None:
    for name in names:
        project.remove(f"{name}.yaml")


def apply(project: Project) -> None:
    """As the command does."""
    conn, planner = project.conn, planner_of(project.config)
    plan = planner.plan(read_live(conn))
    options = ApplyOptions(applied_by=AppliedBy.CLI, source=source_of(project.config))
    options = with_allowances(conn, plan, options, planner.trace, project.clock.now())
    with transaction(conn, project.clock) as tx:
        apply_plan(tx, plan, options, options.source.commit(planner.trace))
    project.clock.advance(hours=1)


def live(project: Project) -> list[str]:
    return [str(name) for (name,) in project.jobs()]


def test_a_commit_allows_the_deletes_it_names(project: Project) -> None:
    remove(project, *JOBS[:6])
    sha = commit(project, "Give six jobs up", "Jeeves-Allow-Deletes: 6")
    apply(project)
    assert live(project) == JOBS[6:]
    noted = project.conn.execute("SELECT actor, action, target, detail FROM audit").fetchall()
    assert noted == [("cli", "allow deletes", f"commit {sha}", "at most 6")]


def test_its_number_is_an_upper_bound(project: Project) -> None:
    remove(project, *JOBS[:6])
    commit(project, "Give some jobs up", "Jeeves-Allow-Deletes: 5")
    with pytest.raises(Refused, match="6 jobs would be deleted, more than the 5 allowed"):
        apply(project)
    assert project.value("SELECT count(*) FROM audit") == 0


def test_all_commits_since_the_last_apply_count(project: Project) -> None:
    remove(project, *JOBS[:3])
    commit(project, "Give three jobs up", "Jeeves-Allow-Deletes: 3")
    remove(project, *JOBS[3:6])
    commit(project, "Give three more up", "Jeeves-Allow-Deletes: 3")
    apply(project)
    assert live(project) == JOBS[6:]


def test_a_commit_that_was_applied_before_allows_nothing_more(project: Project) -> None:
    project.write("more.yaml", "run: echo\ntimeout: 1m\n")
    commit(project, "Add a job", "Jeeves-Allow-Deletes: 20")
    apply(project)
    remove(project, *JOBS[:6])
    commit(project, "Give six jobs up by mistake")
    with pytest.raises(Refused, match="6 jobs"):
        apply(project)


def test_a_commit_allows_once(project: Project) -> None:
    before = git(project.root, "rev-parse", "HEAD")
    remove(project, *JOBS[:6])
    after = commit(project, "Give six jobs up", "Jeeves-Allow-Deletes: 6")
    apply(project)
    git(project.root, "reset", "-q", "--hard", before)
    apply(project)
    assert live(project) == JOBS
    git(project.root, "reset", "-q", "--hard", after)
    with pytest.raises(Refused, match="6 jobs"):
        apply(project)


def test_a_folder_that_differs_from_its_commit_is_allowed_nothing(project: Project) -> None:
    remove(project, *JOBS[:5])
    commit(project, "Give five jobs up", "Jeeves-Allow-Deletes: 9")
    remove(project, JOBS[5])
    with pytest.raises(Refused, match="6 jobs"):
        apply(project)


def test_no_commit_allows_an_empty_folder(project: Project) -> None:
    remove(project, *JOBS)
    (project.jobs_dir / "notes.txt").write_text("nothing here")
    commit(project, "Give all up", "Jeeves-Allow-Deletes: 9")
    with pytest.raises(Refused, match="no manifest was found"):
        apply(project)


def test_a_server_takes_it_once_the_deletes_have_settled(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look before has applied the rest of the commit already."""
    remove(project, *JOBS[:6])
    project.write("more.yaml", "run: echo\ntimeout: 1m\n")
    commit(project, "Put one job in the place of six", "Jeeves-Allow-Deletes: 6")

    async def scene() -> None:
        async with looking(project) as reconciler:
            assert (await reconciler.look()).state == "pending"
            assert live(project) == [*JOBS, "more"]
            monkeypatch.setattr("jeeves_runner.sources.folder.source.SETTLE", 0.0)
            state = await reconciler.look()
            assert (state.state, state.withheld) == ("in_sync", ())
            assert live(project) == [*JOBS[6:], "more"]

    asyncio.run(scene())


def test_where_the_last_applied_commit_is_gone_the_newest_alone_counts(project: Project) -> None:
    one = commit_empty(project, "Jeeves-Allow-Deletes: 1")
    two = commit_empty(project, "jeeves-allow-deletes: 2")
    allowed = [Allowance(two, 2)]
    assert allowances_of(project.jobs_dir, two, "f00d" * 10) == tuple(allowed)
    assert allowances_of(project.jobs_dir, two, None) == tuple(allowed)
    assert allowances_of(project.jobs_dir, two, f"{one}^") == (Allowance(two, 2), Allowance(one, 1))


@pytest.mark.parametrize("value", ["", "many", "-1", "3 of them", "²", "9" * 5000])
def test_what_is_no_number_allows_nothing(project: Project, value: str) -> None:
    head = commit_empty(project, f"Jeeves-Allow-Deletes: {value}")
    assert allowances_of(project.jobs_dir, head, None) == ()


def commit_empty(project: Project, trailer: str) -> str:
    git(project.root, "commit", "-q", "--allow-empty", "-m", "Say something", "-m", trailer)
    return git(project.root, "rev-parse", "HEAD")
