"""``validate``, ``diff`` and ``apply`` as other programs read them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.project import Project

from jeeves_runner.cli.main import main


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    root = tmp_path / "repository" / "deploy"
    root.mkdir(parents=True)
    monkeypatch.chdir(root)
    return Project(root)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def test_github_finds_the_file_from_the_top_of_the_repository(project: Project) -> None:
    project.write("a.yaml", "run: echo a\nscheduel: x\ntimeout: 1m\n")
    assert (
        "::error file=jobs.d/a.yaml,line=2,col=1::unknown key" in run("validate", "--format", "github").stdout
    )
    (project.root.parent / ".git").mkdir()
    shown = run("validate", "--format", "github").stdout
    assert "::error file=deploy/jobs.d/a.yaml,line=2,col=1::unknown key" in shown


def test_github_gets_what_its_commands_reserve_escaped(project: Project) -> None:
    project.write("50%,a:b\n.yaml", "id: a\nrun: echo a\n")
    line = run("validate", "--format", "github").stdout.splitlines()[0]
    assert line.startswith(
        "::warning file=jobs.d/50%25%2Ca%3Ab%0A.yaml,line=1,col=5::job `a` has no `timeout`: "
    )


def test_an_apply_that_is_refused_prints_its_plan_and_the_reason(project: Project) -> None:
    for n in range(8):
        project.write(f"job{n}.yaml", f"run: echo {n}\ntimeout: 1m\n")
    applied = json.loads(run("apply", "--json").stdout)
    assert (applied["revision"], applied["refused"]) == (1, None)
    for n in range(7):
        project.remove(f"job{n}.yaml")
    answer = run("apply", "--json")
    document = json.loads(answer.stdout)
    assert answer.exit_code == 4
    assert (document["revision"], len(document["changes"])) == (None, 7)
    assert document["refused"].startswith("7 jobs would be deleted")
    assert document["refused"] in answer.stderr


def test_a_variable_hidden_from_other_jobs_is_told_by_diff_and_by_apply(project: Project) -> None:
    project.write("other.yaml", "run: env\ntimeout: 1m\n")
    project.write("owner.yaml", "run: echo\ntimeout: 1m\nenv: {B: {from_env: PROD_PASSWORD}}\n")
    line = "! PROD_PASSWORD is hidden from all other jobs: job owner takes it as a secret\n"
    for words in (("diff", "--against", "empty"), ("diff",), ("apply",)):
        document = json.loads(run(*words, "--json").stdout) if words[0] == "diff" else None
        if document is not None:
            assert document["consequences"] == [
                {"code": "hides_variable", "variable": "PROD_PASSWORD", "message": line[2:-1]}
            ]
        assert line in run(*words).stdout
    assert json.loads(run("diff", "--json").stdout)["consequences"] == []


def test_a_queue_that_holds_items_is_confirmed_by_its_name(project: Project) -> None:
    project.write("queues.yaml", "queues: [{id: mail}]\n")
    project.write("a.yaml", "run: echo a\ntimeout: 1m\n")
    assert run("apply").exit_code == 0
    assert run("queue", "push", "mail", '"a letter"').exit_code == 0
    project.write("queues.yaml", "queues: []\n")
    answer = run("apply", "--allow-deletes", "1")
    command = "jeeves-runner apply --allow-deletes 1 --allow-delete queue:mail"
    assert f"queue mail still holds items; confirm with `{command}`" in answer.stderr
    assert (answer.exit_code, run("diff").exit_code) == (4, 4)
    assert run("diff", "--allow-delete", "queue:mail").exit_code == 1
    assert run("apply", "--allow-delete", "mail").exit_code == 64
    for command_name in ("apply", "diff"):
        answer = run(command_name, "--allow-delete", "queue:mail", "--allow-delete", "queue:male")
        assert (answer.exit_code, "there is no queue male" in answer.stderr) == (2, True)
    assert "1 deleted" in run(*command.split()[1:]).stdout
    assert run(*command.split()[1:]).exit_code == 0  # a script may say so again


def test_a_diff_names_the_deletes_that_wait_for_a_broken_file(project: Project) -> None:
    for name in ("a", "b"):
        project.write(f"{name}.yaml", "run: echo\ntimeout: 1m\n")
    assert run("apply").exit_code == 0
    project.remove("a.yaml")
    project.write("b.yaml", "run: [\n")
    assert "Their deletes wait: job a." in run("diff").stdout
    assert json.loads(run("diff", "--json").stdout)["suspended"] == [{"kind": "job", "id": "a"}]


def test_an_apply_from_another_folder_prints_the_reason(project: Project) -> None:
    project.write("a.yaml", "run: echo a\ntimeout: 1m\n")
    assert run("apply").exit_code == 0
    (project.root / "other").mkdir()
    (project.root / "jeeves-runner.yaml").write_text("jobs_dir: other\n")
    answer = run("apply", "--json")
    assert answer.exit_code == 4
    assert json.loads(answer.stdout)["refused"].startswith("this database belongs to the manifests in")


def test_of_errors_in_a_group_the_one_inside_is_told(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ExceptionGroup("unhandled errors in a TaskGroup", [RuntimeError("the watch broke")])

    monkeypatch.setattr("jeeves_runner.reconcile.setup.planner_of", fail)
    answer = run("validate")
    assert answer.exit_code == 70
    assert "unexpected RuntimeError: the watch broke" in answer.stderr
