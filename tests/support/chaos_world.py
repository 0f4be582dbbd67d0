"""The world of the chaos campaign: a server as a process, its disk, what it has accepted, and who lives.

What the promises are held against is kept outside of the database: the ledger of the scripts
(``chaos_jobs``), and here the requests that were answered as accepted, and the processes that there were.
"""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from support.chaos_jobs import Line, lay_out, ledger_of, read_ledger
from support.chaos_server import (
    A_LOOK,
    START_BOUND,
    STOP_BOUND,
    STOP_PATIENCE,
    Broken,
    Living,
    Process,
    Victim,
    check_output,
    command_line,
    processes_of,
)
from support.disk import small_disk
from support.server import PATIENCE, SERVE, until


class World:
    """One project with its disk, and the servers that work on it one after the other."""

    def __init__(self, root: Path, *, has_own_disk: bool) -> None:
        self.root = root
        self.has_own_disk = has_own_disk
        self.server: Victim | None = None
        self.figures: Counter[str] = Counter()
        self.longest_stop = 0.0
        self.accepted: dict[int, str] = {}
        """The job of each run that was answered as accepted."""
        self.promised_by_hand: set[str] = set()
        """Names of items that a command has answered as added."""
        self.story: list[str] = []
        """What has happened, for people."""
        self.excuses: set[str] = set()
        """The attacks that are on and may keep a server from its start."""
        self.taken: set[Path] = set()
        """Files that an attack has to itself."""
        self.paused: set[str] = set()
        """Jobs that may be paused."""
        self.strangers: list[subprocess.Popen[bytes]] = []
        self._began = time.monotonic()
        self._left: set[Living] = set()

    @property
    def disk(self) -> Path:
        return self.root / "disk"

    @property
    def database(self) -> Path:
        return self.disk / "runner.sqlite"

    def note(self, text: str) -> None:
        self.story.append(f"{time.monotonic() - self._began:6.2f} s  {text}")

    def ledger(self) -> list[Line]:
        return read_ledger(self.root)

    def let_work(self, lines: int, most: float = 1.0) -> None:
        """Wait until the scripts have written so many more lines, or as long as ``most`` seconds."""
        ledger = ledger_of(self.root)
        wanted = ledger.read_bytes().count(b"\n") + lines
        with suppress(AssertionError):
            until(lambda: ledger.read_bytes().count(b"\n") >= wanted, patience=most)

    # Servers

    @property
    def is_up(self) -> bool:
        """Whether a server answers, as far as it says."""
        server = self.server
        if server is None or not server.answers():
            return False
        if self._left:
            left, self._left = self._left, set()
            if alive := left & {process.living for process in self.processes() if process.run}:
                raise Broken(f"the server answers while these of an earlier one live: {sorted(alive)}")
        return server.ended() is None

    def start(self) -> None:
        """Start a server, unless one is there. Under attack it may wait, or say why it cannot start."""
        self.see_ends(wait=True)
        if self.server is None:
            self._begin()
        if not self.is_up:
            self._await_start()

    def _begin(self) -> None:
        self._left = {process.living for process in self.processes() if process.run}
        self.figures["starts"] += 1
        log = self.root / f"serve-{self.figures['starts']}.log"
        server = self.server = Victim(self.root, log)
        self.note(f"start of server {self.figures['starts']}, pid {server.pid}")

    def _await_start(self) -> None:
        server = self.server
        assert server is not None
        patience = A_LOOK if self.excuses else START_BOUND
        with suppress(AssertionError):
            until(lambda: server.ended() is not None or server.answers(), patience)
        if not self.is_up and not self.excuses:
            raise Broken(f"the server does not start: {server.log.read_text()}")
        self.see_ends()

    def see_ends(self, *, wait: bool = False) -> None:
        """Take note of a server that has ended; Broken if it had no cause to. ``wait``: until one that must
        end has ended."""
        server = self.server
        if server is None:
            return
        if wait and server.must_end_since is not None:
            self._await_end(server, server.must_end_since)
        code = server.ended()
        if code is None:
            return
        self.server = None
        self.note(f"the server has ended with {code}")
        check_output("the server", server.log.read_text())
        if server.must_end_since is None:
            self._see_refusal(server, code)
            return
        self.figures["stops"] += 1
        if code == -signal.SIGTERM and not server.answers():
            return  # it had not come to set its signals
        if code != 0 and not (code == 2 and (server.files_deleted or self.excuses)):
            raise Broken(f"the server has ended with {code}: {server.log.read_text()[-2000:]}")
        if alive := [process for process in self.processes() if process.run]:
            raise Broken(f"these live after the stop: {alive}")

    def _await_end(self, server: Victim, since: float) -> None:
        try:
            server.wait(max(0.1, since + STOP_PATIENCE - time.monotonic()))
        except subprocess.TimeoutExpired:
            text = server.log.read_text()
            raise Broken(f"the stop has not ended after {STOP_BOUND:.0f} s: {text[-2000:]}") from None
        took = time.monotonic() - since
        self.longest_stop = max(self.longest_stop, took)
        self.note(f"the stop took {took:.1f} s")

    def _see_refusal(self, server: Victim, code: int) -> None:
        """Under attack a server may say why it cannot start."""
        text = server.log.read_text()
        if server.answers() or code != 2 or "error: " not in text or not self.excuses:
            raise Broken(f"the server ended by itself with {code}: {text[-2000:]}")
        self.note(f"it could not start: {text.splitlines()[-1]}")
        self.figures["refused starts"] += 1

    def stop(self) -> None:
        """End the server as an operator does, if there is one."""
        self.see_ends(wait=True)
        if self.server is not None:
            self.note("SIGTERM")
            self.server.ask_to_stop(signal.SIGTERM)
            self.see_ends(wait=True)

    def kill(self) -> None:
        """End the server as a crash does."""
        if self.server is not None:
            self.figures["kills"] += 1
            self.server.kill()
            self.server = None

    # Requests

    def ask(self, method: str, path: str, patience: float = A_LOOK) -> tuple[int, Any] | None:
        """Ask the server, if there is one; a run that it accepts is held to that."""
        if not self.is_up:
            return None
        assert self.server is not None
        answer = self.server.ask(method, path, patience)
        if answer is not None and answer[0] in (200, 202) and path.partition("?")[0].endswith("/run"):
            document = answer[1].get("run") or answer[1]["result"]
            self.accept(document)
        return answer

    def accept(self, run: Any) -> None:
        self.accepted[run["id"]] = run["job_id"]
        self.figures["runs accepted"] += 1

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """A command of the command line, in a process of its own. Its output is looked at."""
        answer = subprocess.run(
            [*SERVE[:-1], *words],
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "NO_COLOR": "1"},
        )
        self.note(f"{' '.join(words)} -> {answer.returncode}")
        check_output(" ".join(words), answer.stdout + answer.stderr)
        return answer

    # Processes

    def processes(self) -> list[Process]:
        """All that come from servers of this world and live, the servers too."""
        return processes_of(self.root)

    def part_of_server(self, name: str) -> list[int]:
        """The processes of the server's own that run a module of this name."""
        return [
            process.living.pid
            for process in self.processes()
            if process.run is None and name.encode() in command_line(process.living.pid)
        ]

    def put_stranger(self, **environment: str) -> None:
        """A process that belongs to no run, and must be left alone."""
        stranger = subprocess.Popen(
            ["sleep", "600"],
            cwd=self.root,
            env={"PATH": os.environ["PATH"], **environment},
            start_new_session=True,
        )
        self.strangers.append(stranger)

    @contextmanager
    def having(self, path: Path) -> Iterator[bool]:
        """Have a file for oneself; False if another attack has it."""
        if path in self.taken:
            yield False
            return
        self.taken.add(path)
        try:
            yield True
        finally:
            self.taken.remove(path)

    def clear_up(self) -> None:
        """End whatever is still there."""
        if self.server is not None:
            self.server.kill()
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process.living.pid, signal.SIGKILL)
        for stranger in self.strangers:
            stranger.kill()
            stranger.wait()


@contextmanager
def world(root: Path) -> Iterator[World]:
    """A new project in a folder that is not there yet, with a small disk of its own if there can be one."""
    root.mkdir(parents=True)
    lay_out(root)
    with ExitStack() as stack:
        has_own_disk = True
        try:
            stack.enter_context(small_disk(root / "disk"))
        except pytest.skip.Exception:  # no right to mount: the attack on the disk is left out
            has_own_disk = False
        made = World(root, has_own_disk=has_own_disk)
        stack.callback(made.clear_up)
        made.put_stranger(JR_RUN_MARK="of no run", JR_DB_PATH=str(made.database))
        yield made
