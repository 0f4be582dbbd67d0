"""Places that a command cannot look at: each is one line that names it, and never called a bug."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.cli import Shell
from support.logs import log_file

from jeeves_runner.cli.main import main

Stat = Callable[..., os.stat_result]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a folder that may not be entered, and a link to itself.

    Root may enter any folder: what the system says of a user's is set here.
    """
    (tmp_path / "sealed").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "jobs.d").mkdir()

    def guarded(stat: Stat) -> Stat:
        def look(path: str | Path, **options: object) -> os.stat_result:
            if str(path).startswith((f"{tmp_path}/sealed/", "sealed/")):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return stat(path, **options)

        return look

    monkeypatch.setattr(os, "stat", guarded(os.stat))
    monkeypatch.setattr(os, "lstat", guarded(os.lstat))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-c", "sealed/project", "validate"], "the config file sealed/project cannot be read: Permission"),
        (["-c", "x" * 300, "validate"], "cannot be read: File name too long"),
        (["-c", "loop", "config", "validate"], "the config file loop cannot be read: Too many levels"),
        (["init", "sealed/new"], "sealed/new/jeeves-runner.yaml cannot be written: Permission denied"),
        (["init", "x" * 300], "cannot be written: File name too long"),
        (["init", "loop"], "loop is no folder, and loop/jeeves-runner.yaml is to be written below it"),
        (["init", "loop/new"], "loop is no folder"),
        (["add-job", "a", "--script", "loop"], "loop: Too many levels of symbolic links"),
        (["add-job", "a", "--script", "loop/a.py"], "loop/a.py cannot be written: File exists"),
    ],
)
def test_a_place_that_cannot_be_looked_at_is_one_line(words: list[str], message: str) -> None:
    answer = CliRunner().invoke(main, words)
    assert message in answer.stderr
    assert answer.exit_code in (2, 64)


@pytest.mark.parametrize(
    ("command", "setting", "message"),
    [
        ("diff", "db_path: sealed/database/runner.sqlite", "of the database cannot be entered"),
        ("apply", "db_path: sealed/database/runner.sqlite", "for the database cannot be created"),
        ("validate", "jobs_dir: sealed/jobs", "Permission denied"),
        ("add-job a --run true", "jobs_dir: sealed/jobs", "Permission denied"),
    ],
)
def test_so_is_one_that_the_config_names(command: str, setting: str, message: str) -> None:
    Path("jeeves-runner.yaml").write_text(f"{setting}\n")
    answer = CliRunner().invoke(main, command.split())
    assert message in answer.stderr
    assert answer.exit_code == 2


def test_a_token_in_such_a_place_is_warned_about() -> None:
    Path("jeeves-runner.yaml").write_text("gateway: {url: 'http://[::1]', token_path: sealed/token}\n")
    answer = CliRunner().invoke(main, ["config", "validate"])
    assert "sealed/token: Permission denied" in answer.stdout
    assert answer.exit_code == 0


@pytest.mark.parametrize("command", ["status", "config validate", "config show", "init", "validate"])
def test_so_is_a_current_folder_that_is_gone(
    here: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    gone = here / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    answer = CliRunner().invoke(main, command.split())
    assert answer.exit_code == 2
    assert "the current folder no longer exists" in answer.stderr


def test_a_log_in_a_place_that_is_another_is_not_read(here: Path) -> None:
    shell = Shell(here)
    shell.ledger.add_job("a")
    run = shell.ledger.add_run("a", stdout="the end\n")
    folder = log_file(here / "data", run).parent
    log_file(here / "other", run).write_text("another's\n")
    folder.rmdir()
    folder.symlink_to(here / "other" / "logs" / "a")
    answer = shell.run("logs", str(run))
    assert (answer.exit_code, answer.stdout) == (0, "the end\n")
    assert answer.stderr == (
        f"warning: the log {folder}/{run}.log cannot be read: the folder {folder} cannot be used: it is a"
        " symbolic link; this is what is kept of its end\n"
    )
