"""The world of a whole server: ``jeeves-runner serve`` in a process of its own, and its HTTP interface.

Take it for what only the whole program shows: signals, crashes, restarts, reactions to saved files. It is the
slowest world (about a second for each start), so take a smaller one where that is enough.
"""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import apsw
from click.testing import CliRunner
from support.answers import check_answer

from jeeves_runner.cli.main import main

PATIENCE = 60.0
_STEP = 0.03
"""Seconds between two looks, most of which are requests: shorter ones take the time of what they wait for."""

EVERY_SECOND = "schedule: '* * * * * *'\nrun: echo tick\ntimeout: 10s\n"
HOLD = "run: |\n  echo $$ > pid\n  exec sleep 300\ntimeout: 10m\nkill_grace: 1s\n"
"""It runs until it is ended, and says who it is: see ``started_pid``."""
RARELY = "schedule: '0 0 1 1 *'\nrun: echo rarely\ntimeout: 10s\n"


def until(holds: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """The first true answer; AssertionError when none comes in time."""
    deadline = time.monotonic() + patience
    while not (answer := holds()):
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(_STEP)
    return answer


def new_project(root: Path, config: str = "port: 0\n") -> Path:
    """Make ``root`` a project without jobs. A server of a test takes any port that is free."""
    (root / "jobs.d").mkdir()
    (root / "jeeves-runner.yaml").write_text(config)
    return root


def save(root: Path, name: str, text: str) -> float:
    """Write a manifest; the time when that was done."""
    (root / "jobs.d" / name).write_text(text)
    return time.monotonic()


def database(root: Path) -> Path:
    return root / "data" / "runner.sqlite"


def started_pid(root: Path) -> int:
    """The process of a run of ``HOLD``, once it has started."""
    path = root / "pid"
    until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


SERVE = (sys.executable, "-m", "jeeves_runner", "serve")


class Server:
    """``jeeves-runner serve`` in ``root``, or another ``program`` that becomes one; its log is ``log``."""

    def __init__(self, root: Path, program: Sequence[str] = SERVE) -> None:
        self.root = root
        self.log = root / "serve.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(program, cwd=root, stdout=log, stderr=log)
        self.url = until(self._address)

    @property
    def pid(self) -> int:
        return self._process.pid

    def _address(self) -> str | None:
        assert self._process.poll() is None, self.log.read_text()
        lines = self.log.read_text().splitlines()
        return next((line.rpartition(" ")[2] for line in lines if " answers on " in line), None)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as response:
            return _document("GET", path, response)

    def post(self, path: str, body: object = None) -> tuple[int, Any]:
        request = urllib.request.Request(
            self.url + path,
            data=json.dumps(body or {}).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return response.status, _document("POST", path, response)
        except urllib.error.HTTPError as error:
            return error.code, _document("POST", path, error)

    def job(self, name: str) -> Any:
        """The job, or None while there is none."""
        try:
            return self.get(f"/jobs/{name}")["job"]
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return None

    def ended(self) -> int | None:
        """The exit code of a server that ended by itself."""
        return self._process.poll()

    def kill(self) -> None:
        """End it as a crash does, by SIGKILL."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(PATIENCE)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self, patience: float = PATIENCE) -> int:
        """The exit code of a server that has been told to stop."""
        return self._process.wait(patience)

    def stop(self) -> int:
        """End it as an operator does, by SIGTERM; the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE)


def _document(method: str, path: str, answer: Any) -> Any:
    """The document of an answer, held to its route."""
    text = answer.read().decode()
    check_answer(method, path, answer.status, answer.headers.get_content_type(), text)
    return json.loads(text)


@contextmanager
def serving(root: Path, program: Sequence[str] = SERVE) -> Iterator[Server]:
    """A server for the length of the block."""
    (root / "jobs.d").mkdir(exist_ok=True)
    if not (root / "jeeves-runner.yaml").exists():
        (root / "jeeves-runner.yaml").write_text("port: 0\n")
    server = Server(root, program)
    try:
        yield server
    finally:
        if server._process.poll() is None:
            server.stop()


def command(root: Path, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """The command line in ``root``. A server is a process of its own; other commands run in this one.

    To start Python takes longer than what most commands do.
    """
    if words[0] == "serve":
        return _refused_server(root, *words)
    before = set(apsw.connections())
    with chdir(root):
        result = CliRunner(env={"NO_COLOR": "1"}).invoke(main, words, input=stdin)
    for conn in set(apsw.connections()) - before:
        conn.close()  # as the end of a process does
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return subprocess.CompletedProcess(words, result.exit_code, result.stdout, result.stderr)


def _refused_server(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A server that ends by itself. It must not want the port of a runner in use."""
    config = root / "jeeves-runner.yaml"
    assert config.exists()
    assert "port: " in config.read_text()
    return subprocess.run(
        [*SERVE[:-1], *words], cwd=root, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
