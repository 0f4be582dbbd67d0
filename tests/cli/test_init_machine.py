"""``init`` and the machine it runs on: its time zone, git, systemd, and where the program came from."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from jeeves_runner import __version__
from jeeves_runner.cli.installed_from import of_note
from jeeves_runner.cli.machine_zone import machine_zone
from jeeves_runner.cli.main import main
from jeeves_runner.cli.user_unit import unit_of
from jeeves_runner.config import load_config
from jeeves_runner.errors import Conflict

WHEEL = f"wheels/jeeves_runner-{__version__}-py3-none-any.whl"


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configs"))
    return tmp_path


# The time zone


@pytest.fixture
def zone_of(tmp_path: Path) -> Callable[..., str | None]:
    """What a machine says its zone is, by where its link leads, its file and its variable."""

    def zone(link: str | None = None, named: str | None = None, **env: str) -> str | None:
        localtime, file = tmp_path / "localtime", tmp_path / "timezone"
        if link is not None:
            localtime.symlink_to(link)
        if named is not None:
            file.write_text(f"{named}\n")
        return machine_zone(env, localtime, file)

    return zone


@pytest.mark.parametrize(
    "link",
    [
        "/usr/share/zoneinfo/America/Argentina/Salta",
        "/usr/share/zoneinfo/posix/America/Argentina/Salta",
        "/var/db/timezone/zoneinfo/America/Argentina/Salta",
    ],
)
def test_the_zone_is_that_where_localtime_leads(zone_of: Callable[..., Any], link: str) -> None:
    assert zone_of(link, named="Asia/Tokyo") == "America/Argentina/Salta"


def test_it_may_stand_in_a_file_or_in_a_variable(zone_of: Callable[..., Any]) -> None:
    assert zone_of(named="Asia/Tokyo") == "Asia/Tokyo"
    assert zone_of(named="Asia/Tokyo", TZ=":Europe/Vienna") == "Europe/Vienna"
    assert zone_of(named="Asia/Tokyo", TZ="/usr/share/zoneinfo/Europe/Vienna") == "Europe/Vienna"


def test_utc_has_one_name_here(zone_of: Callable[..., Any]) -> None:
    assert zone_of("/usr/share/zoneinfo/Etc/UTC") == "UTC"


@pytest.mark.parametrize("named", ["CET-1CEST,M3.5.0,M10.5.0/3", "Mars/Base", "../../etc/passwd", "Europe"])
def test_what_is_no_zone_is_not_taken_for_one(zone_of: Callable[..., Any], named: str) -> None:
    assert zone_of("/etc/zones/here", named=named, TZ=named) is None


def test_a_new_config_has_the_zone_of_the_machine(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    assert run("init").exit_code == 0
    assert load_config(here, None).timezone == "America/New_York"
    assert "timezone: America/New_York   # of schedules" in (here / "jeeves-runner.yaml").read_text()


# Git


def test_git_makes_a_repository_and_the_hook_can_come_with_it(here: Path) -> None:
    answer = run("init", "jobs", "--git", "--hook")
    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith("wrote      .git\n")
    assert (here / "jobs/.git/hooks/pre-commit").exists()
    assert "data/" not in subprocess.check_output(["git", "status", "-s", "-u"], cwd=here / "jobs", text=True)


def test_one_that_is_there_or_around_is_left_alone(here: Path) -> None:
    run("init", "--git")
    assert ".git\n" not in run("init", "--git").output
    assert "is inside the git repository" in run("init", "below", "--git").output
    assert not (here / "below/.git").exists()


def test_both_ways_to_check_a_commit_are_named(here: Path) -> None:
    assert "jeeves-runner init --git" in run("init").output
    shown = run("init", "--git").output
    assert "jeeves-runner init --hook" in shown
    assert "pre-commit install" in shown


def test_without_git_nothing_is_written(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(here))
    answer = run("init", "--git")
    assert (answer.exit_code, "no program git" in answer.stderr) == (2, True)
    assert list(here.iterdir()) == []


def test_what_git_says_is_shown_when_it_refuses(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = here / "programs"
    programs.mkdir()
    (programs / "git").write_text("#!/bin/sh\necho 'fatal: no room' >&2\nexit 128\n")
    (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    answer = run("init", "jobs", "--git")
    assert answer.exit_code == 2
    assert "git init failed: fatal: no room; nothing was written" in answer.stderr
    assert not (here / "jobs").exists()


# Systemd


@pytest.fixture
def systemd(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs of a system that has systemd."""
    programs = here / "programs"
    programs.mkdir()
    (programs / "systemctl").write_text("#!/bin/sh\n")
    (programs / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return here


def test_systemd_gets_a_unit_of_the_user(systemd: Path) -> None:
    answer = run("init", "my jobs", "--systemd")
    assert answer.exit_code == 0, answer.output
    unit = systemd / "configs/systemd/user/jeeves-runner-my-jobs.service"
    lines = unit.read_text().splitlines()
    assert f"WorkingDirectory={systemd}/my jobs" in lines
    program = Path(sys.executable).with_name("jeeves-runner")
    assert f'ExecStart="{program}" serve' in lines
    assert "systemctl --user enable --now jeeves-runner-my-jobs" in answer.output
    assert "loginctl enable-linger" in answer.output


def test_a_unit_that_was_changed_stays(systemd: Path) -> None:
    run("init", "jobs", "--systemd")
    unit = systemd / "configs/systemd/user/jeeves-runner-jobs.service"
    unit.write_text(f"{unit.read_text()}# mine\n")
    assert f"skipped    {unit}" in run("init", "jobs", "--systemd").output
    assert f"replaced   {unit}" in run("init", "jobs", "--systemd", "--force").output


def test_signs_that_systemd_reads_otherwise_stand_for_themselves(systemd: Path) -> None:
    text = unit_of(
        systemd / '50% of "$x', {**os.environ, "PATH": f"/a b:bin:/c$d:/a b:{os.environ['PATH']}"}
    ).text
    assert f'WorkingDirectory={systemd}/50%% of "$x\n' in text
    assert 'Environment="PATH=/a b:/c$d:/' in text


def test_without_a_path_programs_are_looked_for_where_the_system_does(
    systemd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "defpath", f"{systemd}/programs:/bin")
    monkeypatch.delenv("PATH")
    assert f'Environment="PATH={systemd}/programs:/bin"' in unit_of(systemd, os.environ).text


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit(systemd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(systemd))
    run("init", "50% of it", "--systemd")
    (unit,) = (systemd / "configs/systemd/user").iterdir()
    words = ["systemd-analyze", "--user", "verify", str(unit)]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


def test_without_systemd_nothing_is_written(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(here))
    answer = run("init", "--systemd")
    assert (answer.exit_code, "no systemctl" in answer.stderr) == (2, True)
    assert list(here.iterdir()) == []


def test_a_path_that_no_unit_can_name_is_refused(systemd: Path) -> None:
    with pytest.raises(Conflict, match="control character"):
        unit_of(systemd / "a\nExecStartPre=b", os.environ)


# Where the program came from

COMMIT = "9fceb02d0ae598e95dc970b74767f19372d61af8"
GIT = {"vcs": "git", "commit_id": COMMIT, "requested_revision": "main"}


@pytest.mark.parametrize(
    ("note", "wanted"),
    [
        ({"url": "https://host.example/r.git", "vcs_info": GIT}, f"git+https://host.example/r.git@{COMMIT}"),
        ({"url": "ssh://git@host.example/r", "vcs_info": GIT}, f"git+ssh://git@host.example/r@{COMMIT}"),
        (
            {"url": "https://host.example/r", "vcs_info": GIT, "subdirectory": "a"},
            f"git+https://host.example/r@{COMMIT}#subdirectory=a",
        ),
        (
            {"url": "https://me:pass@host.example/r", "vcs_info": GIT},
            f"git+https://host.example/r@{COMMIT}",
        ),
        ({"url": "https://host.example/j.whl", "archive_info": {}}, "https://host.example/j.whl"),
        ({"url": "file:///home/me/clone", "dir_info": {"editable": True}}, WHEEL),
        ({"url": "file:///home/me/clone", "vcs_info": GIT}, WHEEL),
        ({}, WHEEL),
    ],
)
def test_the_workflow_installs_what_was_installed_here(note: object, wanted: str) -> None:
    assert of_note(note) == wanted


def test_a_wheel_that_is_still_to_come_is_named(here: Path) -> None:
    answer = run("init")  # the tests run in a clone
    assert f"installs {WHEEL}:" in answer.output
    workflow = yaml.safe_load((here / ".github/workflows/jobs.yml").read_text())
    steps = [step.get("run") for step in workflow["jobs"]["validate"]["steps"]]
    assert f"pip install {WHEEL}" in steps
    assert f"installs {WHEEL}:" not in run("init").output


def test_json_names_what_was_written_outside_too(systemd: Path) -> None:
    files = json.loads(run("init", "--git", "--systemd", "--json").output)["files"]
    assert files[".git"] == "wrote"
    assert [name for name in files if name.endswith(f"jeeves-runner-{systemd.name}.service")]
