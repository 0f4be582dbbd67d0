"""``diff --against REF`` compares the manifests with those of a commit."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.git_tree import git

from jeeves_runner.cli.main import main

JOB = 'schedule: "0 2 * * *"\nrun: echo a\ntimeout: 1m\n'


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def against(name: str, *words: str) -> Any:
    return json.loads(run("diff", "--against", name, *words, "--json").stdout)


def changes(document: Any) -> list[str]:
    return [f"{change['action']} {change['id']}" for change in document["changes"]]


def write(name: str, text: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def commit(folder: Path, subject: str) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", subject)
    return git(folder, "rev-parse", "HEAD").strip()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project below the top of its repository: two jobs on the branch main, and a branch of work."""
    root = tmp_path / "deploy"
    root.mkdir()
    monkeypatch.chdir(root)
    git(tmp_path, "init", "-q", "-b", "main")
    write("jeeves-runner.yaml", "timezone: UTC\n")
    write("jobs.d/a.yaml", JOB)
    write("jobs.d/b.yaml", JOB)
    commit(root, "Declare two jobs")
    git(root, "switch", "-qc", "work")
    return root


def test_what_a_branch_changes_is_told_without_a_database(project: Path) -> None:
    sha = git(project, "rev-parse", "main").strip()
    write("jobs.d/a.yaml", JOB.replace("0 2", "0 3"))
    (project / "jobs.d" / "b.yaml").unlink()
    write("jobs.d/c.yaml", JOB)
    commit(project, "Move, drop and add a job")
    document = against("main")
    assert changes(document) == ["update a", "delete b", "create c"]
    assert document["changes"][0]["fields"] == [
        {"path": "schedule", "old": ["0 2 * * *"], "new": ["0 3 * * *"]}
    ]
    assert document["against"] == {"kind": "commit", "name": "main", "commit": sha, "errors": 0}
    assert [(job["job_id"], job["lost"], job["gained"]) for job in document["forecast"]["jobs"]] == [
        ("a", 7, 7),
        ("b", 7, 0),
        ("c", 0, 7),
    ]
    assert document["refused"] is None
    assert not (project / "data").exists()
    shown = run("diff", "--against", "main")
    assert shown.exit_code == 1
    assert shown.stdout.splitlines()[-1] == (
        f"Compared with main ({sha[:10]}): 1 to create, 1 to update, 1 to delete."
    )


def test_the_same_manifests_are_no_difference(project: Path) -> None:
    result = run("diff", "--against", "HEAD")
    assert (result.exit_code, result.stdout[:25]) == (0, "No differences from HEAD ")


def test_what_is_staged_is_compared_with_a_commit_too(project: Path) -> None:
    write("jobs.d/c.yaml", JOB)
    git(project, "add", "-A")
    write("jobs.d/d.yaml", JOB)
    assert changes(against("HEAD", "--staged")) == ["create c"]


def test_defaults_of_that_time_count(project: Path) -> None:
    write("jobs.d/_defaults.yaml", "defaults: {tags: [old]}\n")
    commit(project, "Tag all")
    write("jobs.d/_defaults.yaml", "defaults: {tags: [new]}\n")
    document = against("HEAD")
    assert changes(document) == ["update a", "update b"]
    assert document["changes"][0]["fields"] == [{"path": "tags", "old": ["old"], "new": ["new"]}]


def test_a_script_that_is_gone_by_now_is_no_error_of_that_time(project: Path) -> None:
    write("jobs.d/c.yaml", "script: c.sh\ntimeout: 1m\n")
    write("c.sh", "true\n")
    commit(project, "Run a script")
    (project / "c.sh").unlink()
    (project / "jobs.d" / "c.yaml").unlink()
    assert changes(against("HEAD")) == ["delete c"]


def test_what_was_broken_counts_as_new(project: Path) -> None:
    write("jobs.d/b.yaml", "run: [\n")
    commit(project, "Break a manifest")
    write("jobs.d/b.yaml", JOB)
    document = against("HEAD")
    assert (changes(document), document["against"]["errors"]) == (["create b"], 1)
    assert "has 1 error: what stands there counts as new." in run("diff", "--against", "HEAD").stdout


def test_before_the_folder_came_there_were_no_jobs(project: Path) -> None:
    git(project, "switch", "-q", "--orphan", "first")
    write("README", "nothing yet\n")
    first = commit(project, "Begin")
    git(project, "switch", "-q", "work")
    assert changes(against(first)) == ["create a", "create b"]


def test_a_job_that_was_renamed_keeps_its_times(project: Path) -> None:
    write("jobs.d/b.yaml", JOB.replace("0 2", "H H"))
    commit(project, "Spread a job")
    (project / "jobs.d" / "b.yaml").rename(project / "jobs.d" / "c.yaml")
    write("jobs.d/c.yaml", JOB.replace("0 2", "H H") + "renamed_from: b\n")
    document = against("HEAD")
    assert changes(document) == ["update c"]
    assert document["forecast"]["jobs"] == []


def test_broken_manifests_hold_what_the_commit_has(project: Path) -> None:
    write("jobs.d/b.yaml", "run: [\n")
    result = run("diff", "--against", "main")
    assert result.exit_code == 2
    assert "= job b  held as it was" in result.stdout


@pytest.mark.parametrize("name", ["nowhere", "-h", "--help", "main:jobs.d", "HEAD^{tree}", ""])
def test_what_is_no_commit_is_refused(project: Path, name: str) -> None:
    result = run("diff", f"--against={name}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"git knows no commit {name}" in result.stderr


def test_outside_of_a_repository_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write("jobs.d/a.yaml", JOB)
    result = run("diff", "--against", "main")
    assert result.exit_code == 2
    assert "is in no git repository that can be read" in result.stderr


@pytest.mark.parametrize("other", ["main", "empty"])
def test_confirming_deletes_is_for_an_apply_alone(project: Path, other: str) -> None:
    result = run("diff", "--against", other, "--allow-deletes", "1")
    assert result.exit_code == 64


def test_a_job_that_was_renamed_has_the_times_at_which_it_runs(project: Path) -> None:
    """Where there is a database, it is asked for the ids that jobs were made with."""
    spread = JOB.replace("0 2", "H 2")
    write("jobs.d/a.yaml", spread)
    (project / "jobs.d" / "b.yaml").unlink()
    run("apply")
    (project / "jobs.d" / "a.yaml").unlink()
    write("jobs.d/c.yaml", "renamed_from: a\n" + spread)
    assert run("apply").exit_code == 0
    (time,) = {at[13:19] for at in due("c")}
    commit(project, "Rename it")
    write("jobs.d/c.yaml", spread.replace("H 2", "H 3"))
    for words in ((), ("--against", "work")):
        (job,) = json.loads(run("diff", *words, "--json").stdout)["forecast"]["jobs"]
        assert {at[13:19] for at in (*job["first_lost"], *job["first_gained"])} == {time}
    run("apply")
    assert {at[13:19] for at in due("c")} == {time}


def due(job_id: str) -> list[str]:
    document = json.loads(run("next", job_id, "--json").stdout)
    return [each["scheduled_for"] for each in document["occurrences"]]


def test_a_rename_since_the_commit_moves_no_times(project: Path) -> None:
    spread = JOB.replace("0 2", "H 2")
    write("jobs.d/a.yaml", spread)
    commit(project, "Spread it")
    run("apply")
    (project / "jobs.d" / "a.yaml").unlink()
    write("jobs.d/c.yaml", "renamed_from: a\n" + spread)
    assert [job["job_id"] for job in against("work")["forecast"]["jobs"]] == []
    run("apply")
    assert [job["job_id"] for job in against("work")["forecast"]["jobs"]] == []
