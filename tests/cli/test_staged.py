"""``validate --staged`` and ``diff --staged`` look at git's index, and not at the files."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.git_tree import git

from jeeves_runner.cli.main import main

GOOD = "run: echo a\ntimeout: 1m\n"
BROKEN = "run: [\n"


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in git, with one job that is committed."""
    monkeypatch.chdir(tmp_path)
    write("jeeves-runner.yaml", "timezone: UTC\n")
    write("jobs.d/a.yaml", GOOD)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "Declare a job")
    return tmp_path


def stage(project: Path, *names: str) -> None:
    git(project, "add", "--", *names)


class TestValidate:
    def test_a_mistake_that_is_not_staged_is_none(self, project: Path) -> None:
        write("jobs.d/a.yaml", BROKEN)
        assert run("validate").exit_code == 1
        assert run("validate", "--staged").exit_code == 0

    def test_a_mistake_that_is_staged_is_found_although_the_file_is_mended(self, project: Path) -> None:
        write("jobs.d/a.yaml", BROKEN)
        stage(project, "jobs.d/a.yaml")
        write("jobs.d/a.yaml", GOOD)
        assert run("validate").exit_code == 0
        answer = run("validate", "--staged")
        assert answer.exit_code == 1
        assert answer.output.startswith("jobs.d/a.yaml:2:1:")

    def test_a_payload_schema_is_the_one_that_is_staged(self, project: Path) -> None:
        write("jobs.d/q.yaml", "queues: [{id: q, payload_schema: schemas/q.json}]\n")
        write("schemas/q.json", '{"type": "object"}')
        stage(project, "jobs.d/q.yaml")
        assert "the file is not in the commit" in run("validate", "--staged").output
        stage(project, "schemas/q.json")
        write("schemas/q.json", "{")
        assert run("validate").exit_code == 1
        assert run("validate", "--staged").exit_code == 0
        git(project, "commit", "-qm", "Say what the queue takes")
        write("schemas/q.json", '{"type": "array"}')
        answer = run("diff", "--against", "HEAD", "--json")
        [change] = json.loads(answer.output)["changes"]
        assert change["fields"] == [{"path": "payload_schema.type", "old": "object", "new": "array"}]

    def test_a_script_that_is_not_staged_is_missing(self, project: Path) -> None:
        write("jobs.d/b.yaml", "script: scripts/b.sh\ntimeout: 1m\n")
        write("scripts/b.sh", "true\n")
        stage(project, "jobs.d/b.yaml")
        assert run("validate").exit_code == 0
        answer = run("validate", "--staged")
        assert answer.exit_code == 1
        assert f"the script is not in git's index: {project}/scripts/b.sh" in answer.output
        assert "git add" in answer.output
        stage(project, "scripts/b.sh")
        assert run("validate", "--staged").exit_code == 0

    def test_a_prompt_is_read_as_it_is_staged(self, project: Path) -> None:
        write("jeeves-runner.yaml", "gateway: {url: 'http://127.0.0.1:1'}\n")
        write("jobs.d/b.yaml", "type: session\nprompt_file: prompts/b.md\ntimeout: 1m\n")
        prompt = write("prompts/b.md", "Say {{ x }}.\n")
        stage(project, "jobs.d/b.yaml")
        answer = run("validate", "--staged")
        assert f"the prompt's file is not in git's index: {project}/prompts/b.md" in answer.output
        stage(project, "prompts/b.md")
        prompt.write_text("Say hello.\n")
        assert run("validate").exit_code == 0
        answer = run("validate", "--staged")
        assert answer.exit_code == 1
        assert f"{project}/prompts/b.md:1:8: unknown name `x`" in answer.output
        stage(project, "prompts/b.md")
        assert run("validate", "--staged").exit_code == 0

    def test_a_script_that_is_removed_from_the_index_is_missing(self, project: Path) -> None:
        write("jobs.d/b.yaml", "script: scripts/b.sh\ntimeout: 1m\n")
        write("scripts/b.sh", "true\n")
        stage(project, "jobs.d/b.yaml", "scripts/b.sh")
        git(project, "rm", "-q", "--cached", "scripts/b.sh")
        assert run("validate", "--staged").exit_code == 1

    def test_whether_a_script_may_be_executed_is_said_by_the_index(self, project: Path) -> None:
        write("jobs.d/b.yaml", "script: scripts/b\ntimeout: 1m\n")
        script = write("scripts/b", "#!/bin/sh\n")
        script.chmod(0o755)
        stage(project, "jobs.d/b.yaml", "scripts/b")
        script.chmod(0o644)
        assert run("validate", "--staged").exit_code == 0
        stage(project, "scripts/b")
        script.chmod(0o755)
        answer = run("validate", "--staged")
        assert answer.exit_code == 1
        assert "not executable" in answer.output

    def test_a_working_folder_is_looked_for_there_too(self, project: Path) -> None:
        write("jobs.d/b.yaml", "run: pwd\ncwd: work\ntimeout: 1m\n")
        stage(project, "jobs.d/b.yaml")
        Path("work").mkdir()
        assert run("validate").exit_code == 0
        answer = run("validate", "--staged")
        assert answer.exit_code == 1
        assert "the working folder is not in git's index" in answer.output
        write("work/notes", "x")
        stage(project, "work/notes")
        assert run("validate", "--staged").exit_code == 0

    def test_what_is_outside_of_the_repository_is_looked_for_where_it_is(
        self, project: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        script = tmp_path_factory.mktemp("out") / "b.sh"
        script.write_text("true\n")
        write("jobs.d/b.yaml", f"script: {script}\ntimeout: 1m\n")
        stage(project, "jobs.d/b.yaml")
        assert run("validate", "--staged", "--strict").exit_code == 0

    def test_outside_of_git_it_could_not_look(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        write("jobs.d/a.yaml", GOOD)
        answer = run("validate", "--staged")
        assert answer.exit_code == 2
        assert "in no git repository" in answer.stderr


class TestDiff:
    def test_it_shows_what_the_commit_would_change(self, project: Path) -> None:
        assert run("apply").exit_code == 0
        write("jobs.d/a.yaml", GOOD.replace("1m", "2m"))
        write("jobs.d/b.yaml", GOOD)
        stage(project, "jobs.d/b.yaml")
        answer = run("diff", "--staged", "--json")
        assert answer.exit_code == 1
        assert [(c["action"], c["id"]) for c in json.loads(answer.output)["changes"]] == [("create", "b")]
        stage(project, "jobs.d/a.yaml")
        git(project, "mv", "-f", "jobs.d/b.yaml", "jobs.d/c.yaml")
        changes = json.loads(run("diff", "--staged", "--json").output)["changes"]
        assert [(c["action"], c["id"]) for c in changes] == [("update", "a"), ("create", "c")]

    def test_a_manifest_that_is_removed_is_a_delete(self, project: Path) -> None:
        write("jobs.d/b.yaml", GOOD)
        stage(project, "jobs.d/b.yaml")
        assert run("apply").exit_code == 0
        git(project, "rm", "-q", "--cached", "jobs.d/b.yaml")
        answer = run("diff", "--staged", "--json")
        assert answer.exit_code == 1
        assert [(c["action"], c["id"]) for c in json.loads(answer.output)["changes"]] == [("delete", "b")]

    def test_what_is_staged_as_it_is_live_gives_no_differences(self, project: Path) -> None:
        write("scripts/b.sh", "true\n")
        write("jobs.d/b.yaml", "script: scripts/b.sh\ntimeout: 1m\n")
        stage(project, "scripts", "jobs.d")
        assert run("apply").exit_code == 0
        assert run("diff", "--staged").exit_code == 0

    def test_it_compares_with_nothing_too(self, project: Path) -> None:
        answer = run("diff", "--staged", "--against", "empty")
        assert answer.exit_code == 1
        assert "+ job a" in " ".join(answer.output.split())
