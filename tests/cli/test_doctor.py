"""``doctor``: each part of a runner's world, well and unwell."""

import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.cli import Shell, answering
from support.gateway import double

from jeeves_runner import __version__
from jeeves_runner.cli.doctor.machine import cgroup_of_pids, limit_of, task_limit
from jeeves_runner.clock import to_text
from jeeves_runner.core.diagnosis import Level
from jeeves_runner.core.gateway import TOKEN_VARIABLE
from jeeves_runner.db.runner import begin_epoch

TOLD = "notifications: {default_on_failure: webhook:ops, webhooks: {ops: {url: 'http://127.0.0.1:9'}}}\n"
JOB = "command: ['true']\ntimeout: 1m\n"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.config.write_text("timezone: UTC\nport: 0\n" + TOLD)
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "backup.yaml").write_text(JOB)
    return shell


def findings(shell: Shell, subject: str) -> list[tuple[Level, str]]:
    """Level and message of what ``doctor`` says of one part."""
    answer = json.loads(shell.run("doctor", "--json").stdout)
    return [(each["level"], each["message"]) for each in answer["findings"] if each["subject"] == subject]


def test_a_sound_project_is_well_in_all_its_parts(shell: Shell) -> None:
    answer = json.loads(shell.run("doctor", "--json").stdout)
    found = [(each["subject"], each["level"]) for each in answer["findings"]]
    # Whether a time service runs is the machine's.
    assert [each for each in found if each[0] != "clock" and each[1] != "ok"] == []
    subjects = {subject for subject, _ in found}
    assert {"config", "manifests", "database", "server", "disk", "limits"} <= subjects


def test_the_exit_code_is_that_of_the_worst_finding(shell: Shell) -> None:
    codes = {"ok": 0, "warning": 1, "error": 2}
    answer = shell.run("doctor", "--json")
    assert answer.exit_code == codes[json.loads(answer.stdout)["level"]] < 2
    (shell.folder / "jobs.d" / "backup.yaml").write_text("command: ['true']\n")  # no timeout: a warning
    assert shell.run("doctor").exit_code == 1
    (shell.folder / "jobs.d" / "backup.yaml").write_text("comand: ['true']\n")
    assert shell.run("doctor").exit_code == 2


def test_each_finding_is_a_row_with_what_to_do(shell: Shell) -> None:
    (shell.folder / "jobs.d" / "backup.yaml").write_text("comand: ['true']\n")
    rows = shell.run("doctor").stdout.splitlines()
    assert rows[0].split() == ["LEVEL", "PART", "FINDING"]
    (row,) = [row for row in rows if " manifests " in row]
    assert row.startswith("error")
    assert "jobs.d/backup.yaml:1:1" in row
    assert "`jeeves-runner validate` shows them all" in row


def test_a_broken_config_is_told_and_all_else_is_looked_at(shell: Shell) -> None:
    shell.config.write_text("port: 0\nprot: 1\n")
    ((level, message),) = findings(shell, "config")
    assert level == "error"
    assert message.startswith(f"{shell.config}:2:1: unknown key `prot`")
    assert findings(shell, "manifests")[0][0] == "ok"


def test_a_gateway_that_the_config_names_wrongly_is_no_missing_one(shell: Shell) -> None:
    shell.config.write_text("port: 0\ngateway: {url: 127.0.0.1:18789}\n")
    (shell.folder / "jobs.d" / "sort.yaml").write_text("type: session\nprompt: Sort it.\ntimeout: 1m\n")
    assert findings(shell, "config")[0][0] == "error"
    assert findings(shell, "manifests") == [("ok", "2 manifests, 2 jobs declared")]
    assert findings(shell, "gateway") == [("warning", "none can be looked at")]


def test_a_config_that_cannot_be_read_is_a_finding(shell: Shell) -> None:
    shell.config.unlink()
    ((level, message),) = findings(shell, "config")
    assert level == "error"
    assert str(shell.config) in message


def test_a_missing_folder_of_manifests_is_an_error(shell: Shell) -> None:
    (shell.folder / "jobs.d" / "backup.yaml").unlink()
    (shell.folder / "jobs.d").rmdir()
    assert [level for level, _ in findings(shell, "manifests")] == ["error"]


def test_a_database_to_come_is_no_fault_unless_it_cannot_be_made(shell: Shell) -> None:
    shell.config.write_text("port: 0\ndb_path: other/runner.sqlite\n")
    ((level, message),) = findings(shell, "database")
    assert level == "ok"
    assert "is not there yet" in message
    shell.config.write_text("port: 0\ndb_path: jobs.d/backup.yaml/runner.sqlite\n")
    ((level, message),) = findings(shell, "database")
    file = shell.folder / "jobs.d" / "backup.yaml"
    assert (level, message) == ("error", f"nothing can be made in {file}, which is no folder")


def test_a_damaged_database_is_an_error(shell: Shell) -> None:
    shell.ledger.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shell.ledger.conn.close()
    page = 4096
    with shell.ledger.path.open("r+b") as file:
        file.seek(page * 3)
        file.write(b"\xff" * page * 4)
    assert "error" in [level for level, _ in findings(shell, "database")]


def test_a_file_that_others_may_read_is_a_warning(shell: Shell) -> None:
    shell.ledger.path.chmod(0o644)
    warned = [message for level, message in findings(shell, "database") if level == "warning"]
    assert any(str(shell.ledger.path) in message for message in warned)


def test_a_clock_behind_what_a_server_has_seen_is_an_error(shell: Shell) -> None:
    with shell.ledger.tx() as tx:
        begin_epoch(tx, os.getpid(), "this boot")
        later = to_text(tx.now + timedelta(days=2))
        tx.conn.execute("UPDATE runner SET seen_at = ?, stopped_at = ?", (later, tx.at))
    told = [message for level, message in findings(shell, "clock") if level == "error"]
    assert [message for message in told if "2d before what a server has last seen" in message]


def test_a_taken_port_is_an_error(shell: Shell) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        shell.config.write_text(f"port: {port}\n")
        expected = [("error", f"none runs, and another program listens on 127.0.0.1:{port}")]
        assert findings(shell, "server") == expected


@pytest.mark.parametrize(
    ("answers", "level", "told"),
    [
        ({"/status": {"version": __version__}}, "ok", "it answers"),
        ({"/status": {"version": "0.0.1"}}, "warning", "is of version 0.0.1"),
        ({}, "error", "does not answer"),
    ],
)
def test_a_server_is_asked(shell: Shell, answers: dict[str, Any], level: Level, told: str) -> None:
    with answering(answers) as path, shell.server(path):
        ((found, message),) = findings(shell, "server")
    assert (found, told in message) == (level, True)


def test_a_full_disk_is_an_error(shell: Shell) -> None:
    shell.config.write_text("port: 0\nmin_free: 900TiB\n")
    ((level, message),) = findings(shell, "disk")
    assert level == "error"
    assert "below min_free, 900.0 TiB, no run starts" in message


def test_a_gateway_is_looked_at_and_tried_only_on_request(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with double() as gateway:
        shell.config.write_text(f"port: 0\ngateway: {{url: '{gateway.url}'}}\n")
        monkeypatch.setenv(TOKEN_VARIABLE, gateway.token)
        assert [level for level, _ in findings(shell, "gateway")] == ["ok"]
        assert gateway.model_calls() == []
        tried = json.loads(shell.run("doctor", "--spawn", "--json").stdout)["findings"]
        assert [each["level"] for each in tried if each["subject"] == "gateway"] == ["ok", "ok"]
        assert len(gateway.model_calls()) == 1


def test_no_gateway_is_no_fault(shell: Shell) -> None:
    assert [level for level, _ in findings(shell, "gateway")] == ["ok"]


def test_too_few_descriptors_are_a_warning(shell: Shell) -> None:
    shell.config.write_text("port: 0\nmax_concurrency: 400\n")
    call = f"ulimit -n 500 && exec {sys.executable} -m jeeves_runner -c {shell.config} doctor --json"
    answer = subprocess.run(
        ["bash", "-c", call], capture_output=True, text=True, cwd=shell.folder, check=False
    )
    told = [each for each in json.loads(answer.stdout)["findings"] if each["subject"] == "limits"]
    assert told[0]["level"] == "warning"
    assert told[0]["message"] == "500 files may be open at once; max_concurrency 400 needs 3264"


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (["0::/system.slice/jeeves.service"], "/sys/fs/cgroup/system.slice/jeeves.service"),
        (["0::/"], "/sys/fs/cgroup"),
        (["5:pids:/docker/1", "1:name=systemd:/docker/1"], "/sys/fs/cgroup/pids/docker/1"),
        (["7:cpu,pids:/a", "0::/b"], "/sys/fs/cgroup/pids/a"),
        (["1:name=systemd:/"], None),
        (["what is this"], None),
    ],
)
def test_the_cgroup_that_counts_processes(lines: list[str], place: str | None) -> None:
    assert cgroup_of_pids(lines) == (None if place is None else Path(place))


def test_the_limits_of_a_process_that_is_gone_are_not_known() -> None:
    assert limit_of("Max open files", 2**22 + 1) is None
    assert task_limit(2**22 + 1) is None
