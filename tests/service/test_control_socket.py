"""The one control path: commands and the client tell the server at once, by way of ``runner.sock``."""

import json
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import apsw
import pytest
from support.server import RARELY, Server, command, save, serving, until

from jeeves_runner.client import Client
from jeeves_runner.db.connection import connect

QUICK = "command: ['true']\ntimeout: 10s\n"
SLOW = "run: |\n  echo one\n  until [ -e go ]; do sleep 0.02; done\n  echo two\ntimeout: 1m\n"
LONG = "command: [sleep, '300']\ntimeout: 10m\nkill_grace: 1s\n"

NUDGED_ALONE = """
import sys
from jeeves_runner.runner import follower
from jeeves_runner.__main__ import main
follower.INTERVAL = 3600
sys.argv = ["jeeves-runner", "serve"]
main()
"""
"""A server that looks at what others have written only when it is told to."""


@pytest.fixture
def root() -> Iterator[Path]:
    """A project whose path is short enough for a socket, wherever the tests' own folders are."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "jobs.d").mkdir()
        yield Path(folder).resolve()


@pytest.fixture
def conn(root: Path) -> Iterator[Callable[[], apsw.Connection]]:
    """The database, once there is one."""
    opened: list[apsw.Connection] = []

    def get() -> apsw.Connection:
        if not opened:
            opened.append(connect(root / "data" / "runner.sqlite"))
        return opened[0]

    yield get
    for found in opened:
        found.close()


Conn = Callable[[], apsw.Connection]


def config(root: Path, text: str = "") -> None:
    (root / "jeeves-runner.yaml").write_text(f"port: 0\n{text}")


def of_run(conn: apsw.Connection, run_id: int, column: str) -> Any:
    return conn.execute(f"SELECT {column} FROM runs WHERE id = ?", (run_id,)).get


def done(root: Path, *words: str) -> Any:
    """The document of a command that must succeed."""
    answer = command(root, "--json", *words)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def triggered(root: Path, job: str) -> int:
    run_id: int = done(root, "trigger", job)["run"]["id"]
    return run_id


def ask(path: Path, request: str) -> bytes:
    """The answer to a request over a Unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(path))
        client.sendall(request.replace("\n", "\r\n").encode())
        return b"".join(iter(lambda: client.recv(1 << 16), b""))


def test_what_commands_write_is_taken_up_when_they_nudge(root: Path, conn: Conn) -> None:
    config(root, "max_concurrency: 1\nsync: {mode: manual}\n")
    save(root, "long.yaml", LONG)
    save(root, "quick.yaml", QUICK)
    with serving(root, [sys.executable, "-c", NUDGED_ALONE]) as server:
        done(root, "apply")
        running = triggered(root, "long")
        until(lambda: of_run(conn(), running, "started_at"))
        waiting = triggered(root, "quick")
        done(root, "pause", "quick")
        until(lambda: of_run(conn(), waiting, "reason") == "paused")
        done(root, "resume", "quick")
        until(lambda: of_run(conn(), waiting, "reason") == "limit")
        done(root, "cancel", str(running))
        until(lambda: of_run(conn(), running, "finished_at"))
        until(lambda: of_run(conn(), waiting, "finished_at"))
        save(root, "new.yaml", RARELY)
        done(root, "apply")
        until(lambda: server.get("/jobs/new")["job"]["next_run"])


def test_trigger_waits_on_the_servers_word(root: Path) -> None:
    save(root, "quick.yaml", QUICK)
    with serving(root):
        answer = done(root, "trigger", "quick", "--wait")
        assert answer["result"]["status"] == "ok"


def test_logs_are_followed_to_the_end(root: Path) -> None:
    save(
        root,
        "slow.yaml",
        "run: |\n  echo one\n  until [ -e go ]; do sleep 0.02; done\n  echo two\ntimeout: 1m\n",
    )
    with serving(root):
        run_id = triggered(root, "slow")
        following = subprocess.Popen(
            [sys.executable, "-m", "jeeves_runner", "logs", "-f", str(run_id)],
            cwd=root,
            stdout=subprocess.PIPE,
        )
        assert following.stdout is not None
        with closing(following.stdout) as lines:
            assert lines.readline() == b"one\n"
            (root / "go").touch()
            assert lines.read() == b"two\n"
        assert following.wait(60) == 0


def test_a_server_whose_socket_is_gone_still_notices(root: Path, conn: Conn) -> None:
    save(root, "quick.yaml", QUICK)
    with serving(root):
        (root / "data" / "runner.sock").unlink()
        run_id = triggered(root, "quick")
        until(lambda: of_run(conn(), run_id, "finished_at"))
        assert done(root, "trigger", "quick", "--wait")["result"]["status"] == "ok"


def test_the_socket_is_its_owners_while_the_server_lives(root: Path, conn: Conn) -> None:
    path = root / "data" / "runner.sock"
    with serving(root):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert conn().execute("SELECT socket FROM runner").get == str(path)
    assert not path.exists()
    assert conn().execute("SELECT socket, api_url FROM runner").get == (None, None)


def test_the_whole_application_answers_there_whatever_the_host_and_origin(root: Path) -> None:
    path = root / "data" / "runner.sock"
    headers = "Host: evil.example\nOrigin: http://evil.example\nConnection: close\n\n"
    with serving(root):
        assert b'"name":"jeeves-runner"' in ask(path, f"GET /status HTTP/1.1\n{headers}")
        assert ask(path, f"POST /nudge HTTP/1.1\n{headers}").startswith(b"HTTP/1.1 204 ")
        assert ask(path, f"POST /reconcile HTTP/1.1\n{headers}").startswith(b"HTTP/1.1 202 ")
        brought = "Host: localhost\nX-Forwarded-For: 10.0.0.1\nConnection: close\n\n"
        assert not ask(path, f"POST /reconcile HTTP/1.1\n{brought}").startswith(b"HTTP/1.1 2")


def test_a_second_server_leaves_the_socket_to_the_first(root: Path) -> None:
    save(root, "quick.yaml", QUICK)
    path = root / "data" / "runner.sock"
    with serving(root):
        before = path.stat().st_ino
        second = command(root, "serve")
        assert second.returncode == 2
        assert "already works on" in second.stderr
        assert "or give this one a data_dir and a port of its own" in second.stderr
        assert path.stat().st_ino == before
        assert done(root, "trigger", "quick", "--wait")["result"]["status"] == "ok"


def test_a_second_database_in_one_data_folder_is_refused(root: Path) -> None:
    with serving(root):
        own = "db_path: other.sqlite\n"
        (root / "jeeves-runner.yaml").write_text(f"{(root / 'jeeves-runner.yaml').read_text()}{own}")
        second = command(root, "serve")
        assert second.returncode == 2
        assert f"another runner already works in {root / 'data'}, with another database" in second.stderr
        assert "give this one a data_dir and a port of its own" in second.stderr


def test_what_a_server_left_that_died_is_in_nobodys_way(root: Path) -> None:
    save(root, "quick.yaml", QUICK)
    path = root / "data" / "runner.sock"
    with serving(root) as server:
        server.kill()
    assert path.exists()
    assert done(root, "queue", "push", "mail", "1") == {"ids": [1]}
    done(root, "pause", "quick")
    done(root, "resume", "quick")
    with Client(root / "data" / "runner.sqlite") as client:
        assert client.enqueue("mail", 2) == 2
    with serving(root):
        assert done(root, "trigger", "quick", "--wait")["result"]["status"] == "ok"


def test_nothing_that_works_without_a_server_fails_without_one(root: Path) -> None:
    config(root)
    save(root, "quick.yaml", QUICK)
    done(root, "apply")
    done(root, "pause", "quick")
    done(root, "resume", "quick")
    assert done(root, "queue", "push", "mail", "1") == {"ids": [1]}


def test_a_data_folder_too_deep_for_a_socket_has_it_elsewhere(
    root: Path, conn: Conn, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = root / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    config(root, f"data_dir: {'d' * 120}\ndb_path: data/runner.sqlite\n")
    save(root, "quick.yaml", QUICK)
    with serving(root):
        path = Path(str(conn().execute("SELECT socket FROM runner").get))
        assert path.parent == runtime
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert done(root, "trigger", "quick", "--wait")["result"]["status"] == "ok"
    assert list(runtime.iterdir()) == []


def test_trigger_waits_over_a_restart(root: Path, conn: Conn) -> None:
    config(root, "max_concurrency: 1\n")
    save(root, "long.yaml", LONG)
    save(root, "quick.yaml", QUICK)
    with serving(root) as first:
        triggered(root, "long")
        waiting = subprocess.Popen(
            [sys.executable, "-m", "jeeves_runner", "trigger", "quick", "--wait"],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        until(lambda: conn().execute("SELECT 1 FROM runs WHERE job_id = 'quick' AND reason = 'limit'").get)
        first.kill()
        second = Server(root)
        try:
            said, _ = waiting.communicate(timeout=60)
        finally:
            second.stop()
    assert (waiting.returncode, said.partition(" after ")[0]) == (0, "Run 2 of quick ended ok")
