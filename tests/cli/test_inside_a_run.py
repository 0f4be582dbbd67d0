"""Commands that a run's script calls: they work on the database of its runner, whatever config is there."""

import json
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result
from support.cli import Shell, answering

from jeeves_runner.cli import PROGRAM
from jeeves_runner.cli.context import App
from jeeves_runner.cli.main import main

BROKEN = "timezne: UTC\n"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """Its folder is the project of the run; the script works in it, and the config has a mistake by now."""
    (tmp_path / "project").mkdir()
    shell = Shell(tmp_path / "project")
    shell.ledger.add_job("a", schedule=("0 * * * *",))
    monkeypatch.setenv("JR_DB_PATH", str(shell.ledger.path))
    monkeypatch.setenv("JR_DATA_DIR", str(shell.ledger.path.parent))
    monkeypatch.setenv("JR_PROJECT_DIR", str(shell.folder))
    monkeypatch.chdir(shell.folder)
    shell.config.write_text(BROKEN)
    return shell


def run(shell: Shell, *words: str) -> Result:
    """A command without ``--config``, as scripts call it."""
    return CliRunner().invoke(main, words, obj=App(clock=shell.ledger.clock))


@pytest.mark.parametrize(
    "words",
    [
        ["state", "list"],
        ["state", "set", "a", "cursor", "1"],
        ["state", "get", "a", "begun"],
        ["queue", "list"],
        ["queue", "push", "mail", '"a letter"'],
        ["queue", "peek", "mail"],
        ["queue", "status", "mail"],
        ["queue", "purge", "mail", "--yes"],
        ["jobs"],
        ["job", "a"],
        ["runs"],
        ["run", "1"],
        ["logs", "1"],
        ["history"],
        ["pause", "a", "--until", "2h"],
        ["resume", "a"],
    ],
)
def test_what_scripts_need_needs_no_config(shell: Shell, words: list[str]) -> None:
    shell.ledger.add_run("a", "ok", stdout="hello\n")
    assert run(shell, "queue", "push", "mail", '"the first"').exit_code == 0
    assert run(shell, "state", "set", "a", "begun", "true").exit_code == 0
    answer = run(shell, *words)
    assert (answer.exit_code, answer.stderr) == (0, "")


def test_work_needs_none_either(shell: Shell) -> None:
    run(shell, "queue", "push", "mail", "1")
    answer = run(shell, "queue", "work", "mail", "--", "true")
    assert (answer.exit_code, answer.stderr) == (0, "queue mail: 1 item completed, 0 failed\n")


def test_a_run_can_be_triggered_and_cancelled_without_a_config(shell: Shell) -> None:
    with answering({}) as socket, shell.server(socket):
        answer = run(shell, "trigger", "a", "--json")
        assert json.loads(answer.stdout)["run"]["status"] == "scheduled"
        assert run(shell, "cancel", "1").exit_code == 0


def test_words_are_completed_without_a_config(shell: Shell) -> None:
    completion = ShellComplete(main, {"obj": App(clock=shell.ledger.clock)}, PROGRAM, "")
    assert [item.value for item in completion.get_completions(["job"], "")] == ["a"]


def test_a_config_of_another_database_is_not_mixed_in(shell: Shell, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shell.config.write_text(f"db_path: {other}/runner.sqlite\ntimezone: Asia/Tokyo\n")
    assert "a letter" not in run(shell, "queue", "list").stdout
    assert run(shell, "queue", "push", "mail", '"a letter"').exit_code == 0
    assert shell.ledger.conn.execute("SELECT count(*) FROM queue_items").get == 1
    assert not (other / "runner.sqlite").exists()
    answer = run(shell, "simulate")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "no config here has" in answer.stderr


def test_the_config_of_the_runs_project_is_found_from_elsewhere(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    shell.config.write_text("max_concurrency: 7\n")
    assert "(limit 7)" in run(shell, "simulate").stdout


def test_a_config_that_is_named_wins(shell: Shell, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "jeeves-runner.yaml").write_text("timezone: UTC\n")
    answer = run(shell, "--config", str(other), "jobs")
    assert answer.exit_code == 2
    assert str(other / "data" / "runner.sqlite") in answer.stderr


def test_manifests_are_those_of_the_config_that_is_there(shell: Shell, tmp_path: Path) -> None:
    """A job may check and apply a project of another runner."""
    assert "timezne" in run(shell, "apply").stderr
    other = tmp_path / "other"
    (other / "jobs.d").mkdir(parents=True)
    (other / "jobs.d" / "b.yaml").write_text("run: echo b\ntimeout: 1m\n")
    shell.config.write_text(f"jobs_dir: {other}/jobs.d\ndb_path: {other}/runner.sqlite\n")
    assert run(shell, "diff").exit_code == 1
    assert "1 created" in run(shell, "apply").stdout
    assert shell.ledger.conn.execute("SELECT group_concat(id) FROM jobs").get == "a"


@pytest.fixture
def script(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A script of a run that follows from two others, and whose job may trigger `a`."""
    shell.ledger.add_job("b", triggers=("a",))
    run_id = shell.ledger.add_run("b", "running", mark="its mark", depth=2)
    monkeypatch.setenv("JR_RUN_ID", str(run_id))
    monkeypatch.setenv("JR_RUN_MARK", "its mark")
    return shell


def test_what_a_script_triggers_follows_from_its_run(script: Shell) -> None:
    with answering({}) as socket, script.server(socket):
        found = json.loads(run(script, "trigger", "a", "--json").stdout)["run"]
    assert (found["trigger"], found["caused_by"], found["depth"]) == ("manual", {"runs": [1]}, 3)


def test_a_script_triggers_no_other_job(script: Shell) -> None:
    script.ledger.add_job("c")
    with answering({}) as socket, script.server(socket):
        answer = run(script, "trigger", "c")
    assert answer.exit_code == 2
    assert "a run of b may not trigger c" in answer.stderr
    assert "`triggers: [c]` of b" in answer.stderr
    assert json.loads(run(script, "runs", "c", "--json").stdout)["runs"] == []


@pytest.mark.parametrize(("name", "value"), [("JR_RUN_ID", "99"), ("JR_RUN_MARK", "of another run")])
def test_what_is_no_run_that_runs_triggers_nothing(
    script: Shell, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with answering({}) as socket, script.server(socket):
        answer = run(script, "trigger", "a")
    assert answer.exit_code == 2
    assert "is not running" in answer.stderr
