"""The whole runner and its manifests, where the folder or the config changes under it."""

import os
import shutil
import socket
from pathlib import Path

import pytest
from support.server import EVERY_SECOND, RARELY, command, save, serving, until


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "jobs.d").mkdir()
    return tmp_path


def test_a_job_deleted_while_nobody_ran_does_not_catch_up(root: Path) -> None:
    save(root, "gone.yaml", EVERY_SECOND)
    save(root, "stays.yaml", RARELY)
    with serving(root) as server:
        until(lambda: server.get("/jobs/gone/runs")["runs"])
    (root / "jobs.d" / "gone.yaml").unlink()
    with serving(root) as server:
        assert server.job("gone") is None
        assert server.job("stays")["next_run"]
        newest = server.get("/jobs/gone/runs")["runs"][0]["id"]
        assert server.get("/sync")["state"] == "in_sync"
        time_of_a_look = server.get("/sync")["checked_at"]
        save(root, "more.yaml", RARELY)
        until(lambda: server.get("/sync")["checked_at"] != time_of_a_look)
        assert server.get("/jobs/gone/runs")["runs"][0]["id"] == newest


@pytest.mark.parametrize("mode", ["auto", "manual"])
def test_a_start_does_not_wait_for_deletes_that_need_a_person(root: Path, mode: str) -> None:
    (root / "jeeves-runner.yaml").write_text(f"port: 0\nsync: {{mode: {mode}}}\n")
    for n in range(8):
        save(root, f"job{n}.yaml", RARELY)
    assert command(root, "apply").returncode == 0
    for n in range(8 if mode == "auto" else 1):
        (root / "jobs.d" / f"job{n}.yaml").unlink()
    with serving(root) as server:
        assert server.get("/sync")["state"] == {"auto": "blocked", "manual": "pending"}[mode]
        assert len(server.get("/jobs")["jobs"]) == 8


def test_a_name_that_is_no_text_holds_back_nothing_but_deletes(root: Path) -> None:
    save(root, "a.yaml", RARELY)
    odd = Path(os.fsdecode(os.fsencode(root / "jobs.d") + b"/b\xffd.yaml"))
    with serving(root) as server:
        odd.write_text("run: echo\n")
        until(lambda: server.get("/sync")["state"] == "held")
        assert server.get("/sync")["problems"][0]["file"] == r"jobs.d/b\xffd.yaml"
        save(root, "c.yaml", RARELY)
        until(lambda: server.job("c"))
        odd.unlink()
        until(lambda: server.get("/sync")["state"] == "in_sync")


def test_a_folder_above_that_goes_and_comes_back_is_still_followed(root: Path) -> None:
    deploy = root / "deploy"
    (deploy / "jobs.d").mkdir(parents=True)
    (root / "jeeves-runner.yaml").write_text("port: 0\njobs_dir: deploy/jobs.d\nsync: {interval: 1h}\n")
    (deploy / "jobs.d" / "a.yaml").write_text(RARELY)
    shutil.copytree(deploy, root / "branch")
    with serving(root) as server:
        shutil.rmtree(deploy)
        until(lambda: server.get("/sync")["state"] == "error")
        shutil.copytree(root / "branch", deploy)
        until(lambda: server.get("/sync")["state"] == "in_sync")
        save(deploy, "b.yaml", RARELY)
        until(lambda: server.job("b"))


def test_a_linked_folder_that_goes_and_comes_back_is_still_followed(root: Path) -> None:
    (root / "jeeves-runner.yaml").write_text("port: 0\nsync: {interval: 1h}\n")
    share = root / "share"
    share.mkdir()
    (share / "a.yaml").write_text(RARELY)
    (root / "jobs.d" / "team").symlink_to("../share")
    with serving(root) as server:
        assert server.job("a")
        share.rename(root / "unmounted")
        until(lambda: server.get("/sync")["state"] == "held")
        (root / "unmounted").rename(share)
        until(lambda: server.get("/sync")["state"] == "in_sync")
        (share / "b.yaml").write_text(RARELY)
        until(lambda: server.job("b"))


def test_another_config_is_told_of_and_an_apply_under_it_is_warned_of(root: Path) -> None:
    save(root, "a.yaml", RARELY)
    with serving(root) as server:
        until(lambda: server.job("a"))
        (root / "jeeves-runner.yaml").write_text("port: 0\ntimezone: Europe/Vienna\n")
        answer = command(root, "apply")
        assert answer.returncode == 0
        assert "the running server uses another config" in answer.stderr
        until(lambda: "is reversed now" in server.log.read_text())
        until(lambda: server.get("/sync")["config"])
        sync = server.get("/sync")
        assert (sync["state"], sync["config"]["settings"]) == ("pending", ["timezone"])
        assert server.get("/status")["sync"]["config"] == sync["config"]
        (root / "jeeves-runner.yaml").write_text("port: 0\n")
        until(lambda: server.get("/sync")["state"] == "in_sync")
    assert command(root, "apply").stderr == ""


def test_an_apply_that_makes_another_database_tells_of_the_server(root: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = root / "jeeves-runner.yaml"
    config.write_text(f"port: {port}\n")
    assert command(root, "apply").stderr == ""
    with serving(root):
        config.write_text(f"port: {port}\ndata_dir: elsewhere\n")
        told = command(root, "apply").stderr
        made, used = root / "elsewhere" / "runner.sqlite", root / "data" / "runner.sqlite"
        assert f"a new database was made, {made}; the running server goes by {used}" in told
        assert command(root, "apply").stderr == ""
