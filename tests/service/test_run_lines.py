"""The log of a server as the record of its runs: a line at each start and end, and one at its own end."""

import json
import re
import signal
import socket
from pathlib import Path

import pytest
from support.server import HOLD, Server, command, new_project, save, serving, started_pid, until

JSON = "port: 0\nlog: {format: json}\n"
FAILS = "run: |\n  echo out\n  echo 'disk quota exceeded' >&2\n  exit 3\ntimeout: 10s\n"


def lines(server: Server) -> list[str]:
    """Its log without the times."""
    return [line.partition(" ")[2] for line in server.log.read_text().splitlines()]


def test_each_start_and_each_end_of_a_run_is_a_line(tmp_path: Path) -> None:
    save(new_project(tmp_path), "greet.yaml", "run: echo hello\ntimeout: 10s\n")
    save(tmp_path, "fails.yaml", FAILS)
    with serving(tmp_path) as server:
        assert command(tmp_path, "trigger", "greet", "--wait").returncode == 0
        assert command(tmp_path, "trigger", "fails", "--wait").returncode == 1
        until(lambda: "run 2 of fails ended" in server.log.read_text())
    told = [re.sub(r"\d+ms|\d\.\ds", "TIME", line) for line in lines(server) if " run " in line]
    assert told == [
        "INFO    run 1 of greet started (manual)",
        "INFO    run 1 of greet ended ok after TIME",
        "INFO    run 2 of fails started (manual)",
        "WARNING run 2 of fails ended error after TIME: exit code 3: disk quota exceeded",
    ]


def test_the_last_line_says_that_the_server_has_stopped(tmp_path: Path) -> None:
    with serving(new_project(tmp_path)) as server:
        assert server.stop() == 0
    assert re.fullmatch(r"INFO    stopped after \S+", lines(server)[-1])


def test_a_run_that_a_crash_has_ended_is_told_by_the_next_server(tmp_path: Path) -> None:
    save(new_project(tmp_path), "hold.yaml", HOLD)
    with serving(tmp_path) as server:
        command(tmp_path, "trigger", "hold")
        started_pid(tmp_path)
        server.kill()
    with serving(tmp_path) as server:
        (line,) = [line for line in lines(server) if "run 1 of hold" in line]
    assert line.startswith("WARNING run 1 of hold ended interrupted")


def test_with_json_all_lines_are_objects_and_runs_have_their_fields(tmp_path: Path) -> None:
    save(new_project(tmp_path, JSON), "fails.yaml", FAILS)
    process = ServerOfJson(tmp_path)
    command(tmp_path, "trigger", "fails", "--wait")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    entries = [json.loads(line) for line in process.log.read_text().splitlines()]
    (end,) = [entry for entry in entries if entry.get("event") == "ended"]
    assert (end["level"], end["job"], end["run"], end["status"]) == ("warning", "fails", 1, "error")
    assert (end["exit_code"], end["error"]) == (3, "disk quota exceeded")
    assert end["duration_ms"] >= 0
    assert entries[-1]["message"].startswith("stopped after")


class ServerOfJson(Server):
    """A server whose log is of JSON."""

    def _address(self) -> str | None:
        assert self.ended() is None, self.log.read_text()
        whole = self.log.read_text().rpartition("\n")[0]
        entries = map(json.loads, whole.splitlines())
        return next((entry["url"] for entry in entries if "url" in entry), None)


@pytest.mark.parametrize(
    ("config", "code"),
    [("port: no\n", "config"), ("port: {taken}\n", "port_taken")],
)
@pytest.mark.parametrize("file", [False, True])
def test_with_json_an_error_that_ends_the_server_is_an_object_too(
    tmp_path: Path, config: str, code: str, file: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = config.replace("{taken}", str(taken.getsockname()[1]))
        log = "log: {format: json, file: runner.log}\n" if file else "log: {format: json}\n"
        new_project(tmp_path, config + log)
        ended = command(tmp_path, "serve")
    assert (ended.returncode, ended.stdout) == (2, "")
    told = [json.loads(line) for line in ended.stderr.splitlines()][-1]
    assert (told["level"], told["code"]) == ("error", code)
    assert told["message"]
    if file and code != "config":
        assert json.loads((tmp_path / "runner.log").read_text().splitlines()[-1])["code"] == code
