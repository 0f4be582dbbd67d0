"""What ``add-job`` writes beside what a job does and when, and what it says of the job."""

import subprocess
from pathlib import Path

import pytest
import yaml
from support.cli import Shell, refused

ECHO = ("--run", "echo x", "--timeout", "1m")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    (tmp_path / "jobs.d").mkdir()
    return Shell(tmp_path)


def manifest(shell: Shell, name: str) -> object:
    return yaml.safe_load((shell.folder / "jobs.d" / f"{name}.yaml").read_text())


def test_retries_variables_and_a_job_that_is_not_to_run_yet(shell: Shell) -> None:
    env = ("--env", "LEVEL=3", "--env", "ON=yes", "--env", "EMPTY=", "--env", "LIST=a=b, {c: $d}")
    shell.text("add-job", "a", *ECHO, "--retries", "3", *env, "--disabled")
    assert manifest(shell, "a") == {
        "run": "echo x",
        "timeout": "1m",
        "retries": {"limit": 3},
        "env": {"LEVEL": "3", "ON": "yes", "EMPTY": "", "LIST": "a=b, {c: $d}"},
        "enabled": False,
    }
    assert shell.run("validate").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--retries", "101"), "'101' is not a number of retries from 0 to 100"),
        (("--env", "LEVEL"), "--env LEVEL is not of the form NAME=VALUE"),
        (("--env", "=3"), "--env =3 is not of the form NAME=VALUE"),
        (("--env", "A=1", "--env", "A=2"), "--env gives A more than once"),
        (("--env", "JR_RUN_ID=1"), "JR_RUN_ID"),
        (("--env", "A B=1"), "A B"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_written(
    shell: Shell, words: tuple[str, ...], message: str
) -> None:
    refused(shell.run("add-job", "a", *ECHO, *words), message, code=64)
    assert list((shell.folder / "jobs.d").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said", "next_run"),
    [
        (
            ("--schedule", "0 3 * * *", "--timezone", "Europe/Vienna"),
            "Once it is live, it runs next 2026-03-02 03:00:00+01:00 (in 14h).",
            "2026-03-02T02:00:00.000Z",
        ),
        ((), "It has no schedule: it runs by `jeeves-runner trigger a`.", None),
        (
            ("--schedule", "@daily", "--disabled"),
            "It is disabled: it runs by `jeeves-runner trigger a`.",
            None,
        ),
        (
            ("--schedule", "{at: 2026-02-01T12:00}"),
            "It has no occurrence any more: it runs by `jeeves-runner trigger a`.",
            None,
        ),
    ],
)
def test_it_says_when_the_job_runs_next(
    shell: Shell, words: tuple[str, ...], said: str, next_run: str | None
) -> None:
    assert said in shell.text("add-job", "a", *ECHO, *words).splitlines()
    assert shell.json("add-job", "b", *ECHO, *words)["next_run"] == next_run


@pytest.mark.parametrize("kind", ["py", "sh"])
def test_a_script_that_is_made_does_nothing_but_tell(shell: Shell, kind: str) -> None:
    words = ("--script", f"scripts/a.{kind}", "--timeout", "1m", "--schedule", "@daily")
    assert "runs next 2026-03-02 00:00:00Z (in 12h)." in shell.text("add-job", "a", *words)
    env = {"JR_RUN_ID": "7", "JR_JOB_ID": "a", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [shell.folder / f"scripts/a.{kind}"],
        check=True,
        env=env,
        cwd=shell.folder,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "run 7 of a: there is nothing to do yet\n", "")
