"""The whole runner as a process: manifests change, jobs follow; it crashes, and comes back right."""

import json
import os
import signal
import socket
import time
from functools import partial
from pathlib import Path

import pytest
from support.db import locked_by_another
from support.launches import is_alive
from support.server import EVERY_SECOND, RARELY, Server, command, new_project, save, serving, until

from jeeves_runner.api.server import listen
from jeeves_runner.clock import from_text
from jeeves_runner.core.start_spread import delay_of
from jeeves_runner.errors import PortTaken

LONG = "run: |\n  sleep 300 &\n  echo $$ > pids; echo $! >> pids\n  sleep 300\ntimeout: 10m\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return new_project(tmp_path)


def test_create_change_and_disable_take_effect_within_a_second(root: Path) -> None:
    """Each at the quickest of five: a busy machine may hold up most. Without notice of them they would wait
    for an hour."""
    (root / "jeeves-runner.yaml").write_text("port: 0\nsync: {interval: 1h}\n")
    took: dict[str, list[float]] = {"create": [], "change": [], "disable": []}
    with serving(root) as server:
        for name in ("a", "b", "c", "d", "e"):
            saved = save(root, f"{name}.yaml", RARELY)
            until(partial(next_run_in, server, name, "01"))
            took["create"].append(time.monotonic() - saved)
            saved = save(root, f"{name}.yaml", RARELY.replace("1 1 *", "1 2 *"))
            until(partial(next_run_in, server, name, "02"))
            took["change"].append(time.monotonic() - saved)
            saved = save(root, f"{name}.yaml", RARELY + "enabled: false\n")
            until(partial(disabled, server, name))
            took["disable"].append(time.monotonic() - saved)
    assert {act: times for act, times in took.items() if min(times) >= 1} == {}


def test_a_job_that_says_on_start_runs_at_each_start(root: Path) -> None:
    name = next(name for n in range(1000) if delay_of(name := f"job{n}") < 0.2)
    save(root, f"{name}.yaml", "on_start: true\nrun: echo warm\ntimeout: 10s\n")
    for count in (1, 2):
        with serving(root) as server:
            until(partial(have_run, server, name, ["start"] * count))


def have_run(server: Server, name: str, triggers: list[str]) -> bool:
    runs = server.get(f"/jobs/{name}/runs")["runs"]
    return [run["trigger"] for run in runs if run["status"] == "ok"] == triggers


def next_run_in(server: Server, name: str, month: str) -> bool:
    job = server.job(name)
    return bool(job and job["next_run"] and job["next_run"][5:7] == month)


def disabled(server: Server, name: str) -> bool:
    job = server.job(name)
    return job["status"] == "disabled" and job["next_run"] is None


def test_delete_takes_effect_within_five_seconds_and_not_at_once(root: Path) -> None:
    names = ("stays", "first", "second", "third")
    for name in names:
        save(root, f"{name}.yaml", RARELY)
    took: list[float] = []
    with serving(root) as server:
        # A busy machine may hold up one of three.
        while names[1 + len(took) :] and (not took or took[-1] >= 5):
            took.append(delete_takes(server, root, names[1 + len(took)]))
        assert server.job("stays")
    assert min(took) < 5


def delete_takes(server: Server, root: Path, name: str) -> float:
    assert server.job(name)
    (root / "jobs.d" / f"{name}.yaml").unlink()
    removed = time.monotonic()
    until(lambda: server.get("/sync")["state"] == "pending")
    assert server.job(name)
    until(lambda: server.job(name) is None)
    return time.monotonic() - removed


def described(server: Server, text: str) -> bool:
    return bool(server.job("tick")["description"] == text)


def test_a_change_of_anything_but_the_schedule_does_not_disturb_the_timer(root: Path) -> None:
    text = f"{EVERY_SECOND}overlap_policy: allow\n"  # no run is skipped for one that a busy machine holds up
    save(root, "tick.yaml", text)
    with serving(root) as server:
        until(lambda: len(server.get("/jobs/tick/runs")["runs"]) >= 2)
        for n in range(20):
            save(root, "tick.yaml", f"{text}description: round {n}\n")
            until(partial(described, server, f"round {n}"))
        runs = server.get("/jobs/tick/runs?limit=100")["runs"]
    times = sorted(run["scheduled_for"] for run in runs)
    assert {run["trigger"] for run in runs} == {"schedule"}
    seconds = [round(from_text(time).timestamp()) for time in times]
    assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))


def test_a_broken_file_is_shown_and_its_job_goes_on(root: Path) -> None:
    save(root, "tick.yaml", EVERY_SECOND)
    with serving(root) as server:
        until(lambda: server.get("/jobs/tick/runs")["runs"])
        save(root, "tick.yaml", "schedule: [\n")
        until(lambda: server.get("/sync")["state"] == "held")
        assert server.job("tick")["held"]
        assert server.get("/sync")["problems"][0]["file"] == "jobs.d/tick.yaml"
        ran = server.get("/jobs/tick/runs")["runs"][0]["id"]
        until(lambda: server.get("/jobs/tick/runs")["runs"][0]["id"] > ran + 1)
        save(root, "tick.yaml", EVERY_SECOND)
        until(lambda: server.get("/sync")["state"] == "in_sync")


def test_a_lock_of_another_program_is_shown(root: Path) -> None:
    save(root, "tick.yaml", EVERY_SECOND)
    with serving(root) as server:
        with locked_by_another(root / "data" / "runner.sqlite"):
            until(lambda: server.get("/status")["health"]["busy_ms"] is not None)
            shown = command(root, "status").stdout
            assert "Database: locked by another process for" in shown
        until(lambda: server.get("/status")["health"]["busy_ms"] is None)


def test_an_apply_without_a_folder_makes_no_database(tmp_path: Path) -> None:
    config = tmp_path / "jeeves-runner.yaml"
    config.touch()
    answer = command(tmp_path, "apply")
    assert answer.returncode == 2
    assert "jobs.d does not exist" in answer.stderr
    assert list(tmp_path.iterdir()) == [config]


@pytest.mark.parametrize("words", [["serve"], ["apply"]])
def test_a_data_folder_that_cannot_be_made_is_no_bug(root: Path, words: list[str]) -> None:
    (root / "data").write_text("in the way")
    answer = command(root, *words)
    assert answer.returncode == 2
    assert "cannot be created: File exists" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_damaged_page_is_no_bug(root: Path) -> None:
    save(
        root,
        "jobs.yaml",
        "jobs:\n" + "".join(f"  - {{id: j{n}, run: 'true', timeout: 1m}}\n" for n in range(300)),
    )
    assert command(root, "apply").returncode == 0
    with (root / "data" / "runner.sqlite").open("r+b") as file:
        file.seek(8192)
        file.write(b"\xa5" * 100_000)
    for words in (["apply"], ["status"], ["jobs"], ["trigger", "j1"], ["serve"]):
        answer = command(root, *words)
        assert (words, answer.returncode) == (words, 2)
        assert "is damaged" in answer.stderr, words


def test_an_emptied_folder_stops_nothing(root: Path) -> None:
    save(root, "a.yaml", RARELY)
    with serving(root) as server:
        (root / "jobs.d" / "a.yaml").unlink()
        until(lambda: server.get("/sync")["state"] == "blocked")
        assert "no manifest" in server.get("/sync")["reason"]
        assert server.job("a")
        (root / "jobs.d").rmdir()
        until(lambda: server.get("/sync")["state"] == "error")
        assert server.job("a")


def test_what_the_command_line_applies_reaches_the_server(root: Path) -> None:
    (root / "jeeves-runner.yaml").write_text("port: 0\nsync: {mode: manual}\n")
    with serving(root) as server:
        save(root, "a.yaml", RARELY)
        until(lambda: server.get("/sync")["state"] == "pending")
        assert server.job("a") is None
        assert command(root, "apply").returncode == 0
        assert until(lambda: (server.job("a") or {}).get("next_run"))
        until(lambda: server.get("/sync")["state"] == "in_sync")


def test_in_manual_mode_a_reconcile_applies_what_is_pending(root: Path) -> None:
    (root / "jeeves-runner.yaml").write_text("port: 0\nsync: {mode: manual}\n")
    save(root, "a.yaml", RARELY)
    with serving(root) as server:
        until(lambda: server.get("/sync")["state"] == "pending")
        assert server.post("/reconcile")[0] == 202
        until(lambda: server.get("/sync")["state"] == "in_sync")
        assert server.job("a")
        save(root, "a.yaml", RARELY + "description: later\n")
        until(lambda: server.get("/sync")["state"] == "pending")
        assert server.job("a")["description"] is None


def test_a_trigger_answers_when_its_run_has_ended(root: Path) -> None:
    save(root, "fails.yaml", "run: echo out; echo err >&2; exit 3\ntimeout: 10s\n")
    with serving(root) as server:
        status, answer = server.post("/jobs/fails/run")
        assert status == 200
        assert (answer["result"]["status"], answer["result"]["exit_code"]) == ("error", 3)
        assert (answer["result"]["stdout"], answer["result"]["stderr"]) == ("out\n", "err\n")
        waited = command(root, "trigger", "fails", "--wait")
        assert waited.returncode == 1
        assert "exit code 3" in waited.stdout + waited.stderr


def test_other_writes_name_the_manifest(root: Path) -> None:
    save(root, "a.yaml", RARELY)
    with serving(root) as server:
        status, problem = server.post("/jobs/a")
        assert status == 405
        assert "jobs.d/a.yaml" in problem["detail"]


def test_a_second_server_refuses_and_names_the_first(root: Path) -> None:
    with serving(root) as server:
        refused = command(root, "serve")
        assert refused.returncode == 2
        assert f"pid {server.pid}" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_taken_port_is_said(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        (root / "jeeves-runner.yaml").write_text(f"port: {taken.getsockname()[1]}\n")
        refused = command(root, "serve")
    assert refused.returncode == 2
    assert "cannot listen on" in refused.stderr
    assert "hint: another runner may be using it; set another port" in refused.stderr


def test_an_address_that_this_machine_does_not_have_is_said() -> None:
    with pytest.raises(PortTaken, match="Cannot assign requested address") as refused:
        listen("203.0.113.7", 0)
    assert refused.value.hint is not None
    assert "set another host" in refused.value.hint


def gone(pid: int) -> bool:
    return not is_alive(pid)


def started_pids(root: Path) -> list[int]:
    path = root / "pids"
    until(lambda: path.exists() and path.read_text().count("\n") == 2)
    return [int(line) for line in path.read_text().split()]


def test_after_a_crash_nothing_runs_on_and_nothing_stays_running(root: Path) -> None:
    save(root, "long.yaml", LONG)
    with serving(root) as server:
        _, answer = server.post("/jobs/long/run?wait=0s")
        pids = started_pids(root)
        server.kill()
        assert not gone(pids[0])
    with serving(root) as server:
        run = server.get(f"/runs/{answer['run']['id']}")["run"]
        assert run["status"] == "interrupted"
        until(lambda: all(map(gone, pids)))


def lines(path: Path) -> int:
    return path.read_text().count("\n") if path.exists() else 0


def more_than(path: Path, count: int) -> bool:
    return lines(path) > count


def test_no_occurrence_runs_twice_across_crashes(root: Path) -> None:
    marks = root / "marks"
    save(
        root, "tick.yaml", f"schedule: '* * * * * *'\nrun: echo $JR_SCHEDULED_FOR >> {marks}\ntimeout: 10s\n"
    )
    for _ in range(3):
        with serving(root) as server:
            before = lines(marks)
            until(partial(more_than, marks, before + 1))
            server.kill()
    started = marks.read_text().split()
    assert len(started) == len(set(started))


def test_a_stopping_server_ends_its_runs_and_says_so(root: Path) -> None:
    (root / "jeeves-runner.yaml").write_text("port: 0\nshutdown_grace: 0s\n")
    save(root, "long.yaml", LONG)
    with serving(root) as server:
        server.post("/jobs/long/run?wait=0s")
        pids = started_pids(root)
        assert server.stop() == 0
        assert all(gone(pid) for pid in pids)
    shown = json.loads(command(root, "runs", "long", "--json").stdout)["runs"]
    assert [run["status"] for run in shown] == ["interrupted"]


def test_a_stopping_server_says_so_and_lets_its_runs_be_cancelled(root: Path) -> None:
    (root / "jeeves-runner.yaml").write_text("port: 0\nshutdown_grace: 10m\n")
    save(root, "long.yaml", LONG)
    with serving(root) as server:
        server.post("/jobs/long/run?wait=0s")
        pids = started_pids(root)
        os.kill(server.pid, signal.SIGTERM)
        stopping = f"is stopping (pid {server.pid}): it starts nothing new and waits for 1 run until"
        until(lambda: stopping in command(root, "status").stdout)  # once its row says so
        assert json.loads(command(root, "status", "--json").stdout)["status"] == "stopping"
        refused = command(root, "trigger", "long")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert f"the server (pid {server.pid}) is stopping" in refused.stderr
        assert command(root, "cancel", "1").returncode == 0
        until(lambda: server.ended() is not None)
        assert server.ended() == 0
        assert all(gone(pid) for pid in pids)
    shown = json.loads(command(root, "runs", "long", "--json").stdout)["runs"]
    assert [(run["status"], run["cancel_cause"]) for run in shown] == [("cancelled", "cancel")]


def test_a_second_signal_does_not_wait_for_the_grace(root: Path) -> None:
    save(root, "long.yaml", LONG)
    with serving(root) as server:
        server.post("/jobs/long/run?wait=0s")
        started_pids(root)
        os.kill(server.pid, signal.SIGTERM)
        until(lambda: "stopping" in server.log.read_text())
        os.kill(server.pid, signal.SIGTERM)
        assert server.stop() == 0
    assert "interrupted" in command(root, "runs", "long").stdout


def test_it_loses_no_save_that_comes_while_it_starts(root: Path) -> None:
    save(root, "a.yaml", RARELY)
    with serving(root) as server:
        save(root, "b.yaml", RARELY)
        until(lambda: server.job("b"))


def test_reading_needs_no_server(root: Path) -> None:
    save(root, "a.yaml", RARELY)
    with serving(root) as server:
        server.post("/jobs/a/run")
    for words in (
        ["status"],
        ["jobs"],
        ["job", "a"],
        ["runs"],
        ["run", "1"],
        ["logs", "1"],
        ["next"],
        ["state"],
        ["queue"],
    ):
        shown = command(root, *words)
        assert shown.returncode == 0, (words, shown.stderr)
        assert shown.stdout


@pytest.mark.parametrize(
    "name", ["runner.sqlite", "runner.sqlite-wal", "runner.sqlite-shm", "runner.sqlite.lock"]
)
def test_a_server_whose_files_are_deleted_ends_its_runs_and_stops(root: Path, name: str) -> None:
    save(root, "long.yaml", LONG)
    with serving(root) as server:
        server.post("/jobs/long/run?wait=0s")
        until((root / "pids").exists)
        until(lambda: (root / "pids").read_text().count("\n") == 2)
        (root / "data" / name).unlink()
        assert until(server.ended) != 0
        assert f"{name} was deleted while this runner worked with it" in server.log.read_text()
    for pid in (root / "pids").read_text().split():
        assert not Path("/proc", pid).exists()
