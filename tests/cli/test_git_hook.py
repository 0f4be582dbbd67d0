"""The git hook that ``init --hook`` installs, by real commits."""

import json
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.git_tree import git

from jeeves_runner.cli.main import main

pytestmark = pytest.mark.service

BROKEN = "run: [\n"
WHO = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.write_text(text)
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository."""
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q")
    return tmp_path


def test_it_is_installed_when_asked_for_and_offered_else(project: Path) -> None:
    answer = run("init")
    assert "jeeves-runner init --hook" in answer.output
    hook = project / ".git/hooks/pre-commit"
    assert not hook.exists()
    assert "wrote      .git/hooks/pre-commit" in run("init", "--hook").output
    assert stat.S_IMODE(hook.stat().st_mode) & 0o111
    assert "unchanged  .git/hooks/pre-commit" in run("init", "--hook").output
    assert json.loads(run("init", "--hook", "--json").output)["files"][".git/hooks/pre-commit"] == "unchanged"


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_hook_that_is_there_stays(project: Path, force: list[str]) -> None:
    hook = write(".git/hooks/pre-commit", "#!/bin/sh\nexit 0\n")
    answer = run("init", "--hook", *force)
    assert answer.exit_code == 0
    assert "skipped    .git/hooks/pre-commit" in answer.output
    assert "let it run `jeeves-runner validate --staged`" in answer.output
    assert hook.read_text() == "#!/bin/sh\nexit 0\n"


def test_hooks_that_are_kept_elsewhere_are_not_ours_to_change(project: Path) -> None:
    git(project, "config", "core.hooksPath", ".husky")
    answer = run("init", "--hook", "new")
    assert answer.exit_code == 2
    assert ".husky" in answer.stderr
    assert not Path("new").exists()


def test_outside_of_git_there_is_no_place_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = run("init", "--hook", "my jobs")
    assert answer.exit_code == 2
    assert "in no git repository" in answer.stderr
    assert "add --git, which makes it one" in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_git_it_says_that_git_is_missing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))
    answer = run("init", "--hook")
    assert answer.exit_code == 2
    assert "there is no program git on the PATH; nothing was written" in answer.stderr


@pytest.mark.slow
@pytest.mark.parametrize("below", [".", "deploy/my runner"])
def test_the_hook_lets_commits_pass_by_what_is_staged_and_touches_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    top = tmp_path / "repository"
    project = top / below
    project.mkdir(parents=True)
    git(top, "init", "-q")
    monkeypatch.chdir(project)
    assert run("init", "--hook").exit_code == 0
    assert Path(sys.executable).with_name("jeeves-runner").exists()
    broken = write("jobs.d/broken.yaml", BROKEN)
    before = broken.stat()

    def commit(*words: str) -> subprocess.CompletedProcess[str]:
        command = ["git", *WHO, "commit", "-m", "Change", *words]
        return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)

    git(project, "add", "jobs.d/hello.yaml", "scripts")
    done = commit()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hello" in done.stdout + done.stderr
    git(project, "add", "jobs.d/broken.yaml")
    done = commit()
    assert done.returncode == 1
    assert "jobs.d/broken.yaml:2:1:" in done.stdout + done.stderr
    git(project, "reset", "-q")
    write("jobs.d/hello.yaml", BROKEN)
    assert commit("-a").returncode == 1
    assert commit("jobs.d/hello.yaml").returncode == 1
    write("notes.txt", "x")
    git(project, "add", "notes.txt")
    assert commit().returncode == 0
    assert (broken.stat().st_ino, broken.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    git(project, "rm", "-q", "-r", "--cached", "jobs.d")
    assert commit().returncode == 0


def test_the_hook_is_sound_shell(project: Path) -> None:
    run("init", "--hook")
    text = (project / ".git/hooks/pre-commit").read_text()
    assert "{" not in text.replace("$(", "")
    assert f"runner={shlex.quote(str(Path(sys.executable).with_name('jeeves-runner')))}\n" in text
    assert os.access(project / ".git/hooks/pre-commit", os.X_OK)
