"""The world of the command line: commands run in this process, on a database that the test has filled.

Take it for what commands print, write and exit with. ``Shell.server`` stands in for a server by its lock and
its row; ``answering`` answers the questions that a command asks over HTTP.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.ledger import Ledger

from jeeves_runner.cli.context import App
from jeeves_runner.cli.main import main
from jeeves_runner.db.runner import RunnerLock, begin_epoch, set_addresses


class Shell:
    """A person in a project's folder. The time of the commands is the clock of the ledger."""

    def __init__(self, folder: Path, ledger: Callable[[Path], Ledger] = Ledger) -> None:
        self.folder = folder
        self.config = folder / "jeeves-runner.yaml"
        self.config.write_text("timezone: UTC\n")
        self.ledger = ledger(folder / "data" / "runner.sqlite")

    def run(self, *words: str, input: str | None = None) -> Result:  # noqa: A002 - as click calls it
        """What a command does with this on its standard input."""
        app = App(config_path=self.config, clock=self.ledger.clock)
        return CliRunner().invoke(main, words, obj=app, input=input)

    def text(self, *words: str) -> str:
        """The output of a command that must succeed."""
        result = self.run(*words)
        assert (result.exit_code, result.stderr) == (0, "")
        return result.stdout

    def json(self, *words: str) -> Any:
        """The document of a command that must succeed."""
        return json.loads(self.text(*words, "--json"))

    def rows(self, *words: str) -> list[list[str]]:
        """The cells of a table, its headers first."""
        return [line.split("  ") for line in self.text(*words).splitlines()]

    @contextmanager
    def server(self, socket: Path | None = None) -> Iterator[RunnerLock]:
        """This process stands in for a server: it holds the lock and has the epoch."""
        lock = RunnerLock(self.ledger.path)
        lock.acquire()
        try:
            with self.ledger.tx() as tx:
                epoch = begin_epoch(tx, os.getpid(), "this boot")
                if socket is not None:
                    set_addresses(tx, epoch, "http://127.0.0.1:1937", str(socket))
            yield lock
        finally:
            lock.release()


def refused(result: Result, message: str, code: int = 2) -> None:
    """It has printed nothing but this, in plain words, on the standard error."""
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def run_row(shell: Shell, run_id: int, *columns: str) -> tuple[object, ...]:
    """Columns of a run's row."""
    found = shell.ledger.conn.execute(
        f"SELECT {', '.join(columns)} FROM runs WHERE id = ?", (run_id,)
    ).fetchone()
    assert found is not None
    return tuple(found)


def words(text: str) -> str:
    """Text with its alignment taken out."""
    return " ".join(text.split())


def between_looks(monkeypatch: pytest.MonkeyPatch, *acts: Callable[[], object]) -> None:
    """While a command waits, do these one after the other: one each time it would sleep between two looks."""
    coming = iter(acts)
    monkeypatch.setattr("jeeves_runner.cli.waiting.time.sleep", lambda _: next(coming)())


@contextmanager
def answering(documents: dict[str, Any], asked: list[str] | None = None) -> Iterator[Path]:
    """A server on a Unix socket that knows a few documents by path; the socket's path.

    It hangs up on other questions. ``asked`` gets the path of each.
    """

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append(self.path)
            if self.path not in documents:
                return
            body = json.dumps(documents[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Nothing: the test's output is its own."""

    with TemporaryDirectory() as folder:  # shorter than the folders of tests
        path = Path(folder) / "runner.sock"
        server = UnixStreamServer(str(path), Answers)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield path
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
