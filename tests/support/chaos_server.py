"""A server that the chaos campaign attacks, its processes, and what its answers and output are held to."""

import http.client
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from support.answers import check_answer
from support.chaos_jobs import KILL_GRACE, SHUTDOWN_GRACE
from support.server import SERVE, Server

A_LOOK: Final = 3.0
"""Seconds that an answer over HTTP is waited for, and a start under attack."""

STOP_BOUND: Final = SHUTDOWN_GRACE + KILL_GRACE + 15
"""Seconds that a stop may take, as the documentation says."""
STOP_PATIENCE: Final = STOP_BOUND + 3
"""Seconds that are waited for it: on a busy machine the interpreter takes some for its own end."""
START_BOUND: Final = 180.0
"""Seconds in which a server answers that is not attacked: on a busy machine Python alone takes a minute."""
_ROUND: Final = "CHAOS_ROUND"
"""In the environment of the server, and so of all that it starts."""
TELLTALES: Final = ("Traceback", "this is a bug", "never retrieved")
"""What no output may hold."""


class Broken(AssertionError):
    """A promise that was not kept."""


class Victim(Server):
    """``jeeves-runner serve``, which may take its time to start, or not start at all."""

    def __init__(self, root: Path, log: Path) -> None:
        self.root = root
        self.log = log
        self.url = ""
        self.must_end_since: float | None = None
        """By the monotonic clock; None: it must not end."""
        self.files_deleted = False
        """Whether that is because a file of its database was deleted."""
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                SERVE, cwd=root, stdout=stream, stderr=stream, env={**os.environ, _ROUND: str(root)}
            )

    def answers(self) -> bool:
        """Whether it has said that it answers."""
        if not self.url and self.ended() is None:
            self.url = self._address() or ""
        return bool(self.url)

    def ask_to_stop(self, number: signal.Signals) -> None:
        """Send a signal that means an end."""
        self.must_end_since = self.must_end_since or time.monotonic()
        self.signal(number)

    def lose_files(self) -> None:
        """A file of its database was deleted: it must notice, and end."""
        self.must_end_since = self.must_end_since or time.monotonic()
        self.files_deleted = True

    def ask(self, method: str, path: str, patience: float = A_LOOK) -> tuple[int, Any] | None:
        """Status and document of an answer; None if there was none in time."""
        request = urllib.request.Request(
            self.url + path,
            data=b"{}" if method == "POST" else None,
            headers={"Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=patience) as response:
                return _checked(method, path, response)
        except urllib.error.HTTPError as error:
            return _checked(method, path, error)
        except (OSError, http.client.HTTPException):
            return None


def _checked(method: str, path: str, answer: Any) -> tuple[int, Any] | None:
    try:
        text = answer.read().decode()
    except (OSError, http.client.HTTPException):
        return None
    check_answer(method, path, answer.status, answer.headers.get_content_type(), text)
    if answer.status == 500:
        raise Broken(f"{method} {path} was answered with 500: {text}")
    return answer.status, json.loads(text) if text else None


def check_output(name: str, text: str) -> None:
    """Broken if it tells of a fault that was not foreseen."""
    for word in TELLTALES:
        if word in text:
            place = text.index(word)
            raise Broken(f"{name} says: {text[max(0, place - 1000) : place + 3000]}")


class Living(NamedTuple):
    """A process, told from a later one of the same number."""

    pid: int
    started: str
    """In ticks since boot."""


class Process(NamedTuple):
    """A process that comes from a server of this world."""

    living: Living
    run: str | None
    """The run it belongs to; None for the server's own."""


def processes_of(root: Path) -> list[Process]:
    """All that come from servers in this folder and live, the servers too."""
    found = []
    for path in Path("/proc").iterdir():
        if not path.name.isdecimal():
            continue
        with suppress(OSError):
            words = (path / "environ").read_bytes().split(b"\0")
            if f"{_ROUND}={root}".encode() not in words:
                continue
            state, *fields = (path / "stat").read_text().rpartition(")")[2].split()
            if state not in "ZX":
                runs = [word[10:].decode() for word in words if word.startswith(b"JR_RUN_ID=")]
                found.append(Process(Living(int(path.name), fields[18]), next(iter(runs), None)))
    return found


def command_line(pid: int) -> bytes:
    """Empty for a process that has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
