"""The double as a test has it: its address, its faults, what it has seen, and its lives."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from support.gateway.faults import Fault
from support.gateway.life import Life, ProcessLife, ThreadLife
from support.gateway.settings import Settings


class Double:
    """A gateway for a test: its address, its faults, what it has seen, and its lives.

    What is asked of it goes over HTTP, so it may be called from any thread, the test's event loop included.
    """

    def __init__(self, settings: Settings, kind: type[ThreadLife | ProcessLife]) -> None:
        self._kind = kind
        self._life: Life = kind(settings)
        self.settings = replace(settings, port=self._life.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    @property
    def token(self) -> str:
        return self.settings.token

    @property
    def pid(self) -> int:
        """Of the process that it goes on in."""
        return self._life.pid

    def switch_on(self, *faults: Fault) -> None:
        for fault in faults:
            self._ask("POST", "faults", fault.to_json())

    def switch_off(self) -> None:
        """Take all faults away."""
        self._ask("DELETE", "faults")

    def counts(self) -> dict[str, int]:
        """How often each kind of request has arrived in this life, or since ``forget``."""
        counts: dict[str, int] = self._ask("GET", "seen")["counts"]
        return counts

    def forget(self) -> None:
        """Count from nothing again, the calls of the model too."""
        self._ask("DELETE", "seen")

    def model_calls(self) -> list[dict[str, Any]]:
        """Each call of the model since its start or ``forget``: ``number, key, label, model, at, task``."""
        calls: list[dict[str, Any]] = self._ask("GET", "seen")["calls"]
        return calls

    def drain(self) -> None:
        """Answer 503 from now on, and go on running what runs."""
        self._ask("POST", "drain")

    def kill(self) -> None:
        self._life.kill()

    def terminate(self) -> None:
        """Drain it, and let it end when no run is left; ``join`` waits for that."""
        self._life.terminate()

    def join(self) -> None:
        self._life.join()

    def start(self, **changed: Any) -> None:
        """A new life at the same address, with what the file of its state has kept."""
        self.settings = replace(self.settings, **changed)
        self._life = self._kind(self.settings)

    def restart(self, **changed: Any) -> None:
        """A kill and a start."""
        self.kill()
        self.start(**changed)

    def _ask(self, method: str, what: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/double/{what}", data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())


@contextmanager
def double(settings: Settings | None = None) -> Iterator[Double]:
    """A double in a thread, until the block ends."""
    with _until_the_end(Double(settings or Settings(), ThreadLife)) as gateway:
        yield gateway


@contextmanager
def double_process(settings: Settings | None = None) -> Iterator[Double]:
    """A double as a process, until the block ends."""
    with _until_the_end(Double(settings or Settings(), ProcessLife)) as gateway:
        yield gateway


@contextmanager
def _until_the_end(gateway: Double) -> Iterator[Double]:
    try:
        yield gateway
    finally:
        gateway.kill()
