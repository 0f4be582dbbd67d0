"""An engine: a process of its own that carries work out whether or not a runner lives, and its executor.

Take it to see that a runner knows executors by their contract alone. The engine answers one line of JSON for
each that it is sent on its Unix socket; it is asked for an end again and again, and tells of one ``LATE``
seconds afterwards. Work says what it does by lines in the file ``$SAYS``: tokens, a blank, a message.

``ask`` sets what the engine is like: ``op="be", places=N`` has it take no more than so many at once, and
``deaf=True`` has it obey no cancel. Started as a program, this module is the engine itself:
``engine.py SOCKET``.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any, Literal

from jeeves_runner.core.model import JobSpec, Reason
from jeeves_runner.core.outcome import Cancelled, Ending, Finished, Lost, Span
from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.contract import Handle, LeftFacts, Order, RunSink
from jeeves_runner.execute.known_secrets import known_secrets

LATE = 0.2
POLL = 0.02
CONFIRM = 45.0
"""Seconds beyond its grace for which the executor waits for the end of work that it has cancelled."""
CONFIRM_OF_THE_DEAF = 0.3
"""The same where the engine says that it obeys no cancel: then there is no end to be told of."""

CLAIMANT = Path(__file__).with_name("claimant.py")

RUNNER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, "tests")
from support.engine import EngineExecutor
from support.runs import Place, running

async def main():
    place = Place(Path(sys.argv[1]))
    async with running(place, executor=EngineExecutor(place.root / "socket")) as rig:
        await rig.runs.request("work")
        await rig.until((place.root / "begun").exists)
        await rig.until(lambda: place.value("SELECT handle ->> 'work' FROM runs") is not None)
        print("working", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
"""A program that has the job ``work`` run for the place in its argument, until that has made ``begun``."""


class EngineExecutor:
    """Hands work to the engine at ``socket``, and asks for its end until there is an answer."""

    name = "engine"
    on_shutdown: Literal["end", "leave"] = "leave"

    def __init__(self, socket: Path, slots: int | None = None, patience: float = 0.0) -> None:
        self.slots = slots
        self.patience = patience
        self.full: Reason | None = None
        self._socket = socket
        self._ended: set[int] = set()
        self._given_up_at: dict[int, float] = {}
        self._unheard: dict[int, float] = {}

    async def open(self) -> None:
        """Each question opens its own connection."""

    def room(self, spec: JobSpec) -> Reason | None:
        return self.full

    async def start(self, order: Order, sink: RunSink) -> Handle:
        await sink.prepared(secrets=await self.secrets(order), script_hash="5c7197")
        env = {name: value for name, value in order.spec.env if isinstance(value, str)}
        seconds = None if order.spec.timeout_ms is None else order.spec.timeout_ms / 1000
        work, text = order.run.mark, order.spec.script
        while "full" in (
            answer := await self.ask(op="start", work=work, text=text, env=env, timeout=seconds)
        ):
            sink.progress("waits for a place")
            await asyncio.sleep(POLL)
        if "refused" in answer:
            raise StartFailed(answer["refused"])
        return Handle(self.name, order.run.run_id, {"work": work})

    async def wait(self, handle: Handle, sink: RunSink) -> Ending:
        while (answer := await self._look(handle))["state"] != "ended":
            if answer["state"] == "unknown":
                return Lost(message="the engine does not know this run")
            if said := answer.get("said"):
                sink.progress(said["message"], said["tokens"])
            if handle.run_id in self._unheard:
                await self.cancel(handle, self._unheard[handle.run_id])
            if time.monotonic() > self._given_up_at.get(handle.run_id, inf):
                return Cancelled(message="the engine does not obey", confirmed=False)
            await asyncio.sleep(POLL)
        self._ended.add(handle.run_id)
        sink.write("stdout", answer["output"].encode())
        return _finished(answer)

    def has_ended(self, handle: Handle) -> bool:
        return handle.run_id in self._ended

    async def cancel(self, handle: Handle, grace: float) -> None:
        try:
            answer = await self.ask(op="cancel", work=handle.facts["work"], grace=grace)
        except (OSError, ValueError):  # it is asked again while it is waited for
            self._unheard[handle.run_id] = grace
        else:
            self._unheard.pop(handle.run_id, None)
            confirm = CONFIRM_OF_THE_DEAF if answer.get("deaf") else CONFIRM
            self._given_up_at.setdefault(handle.run_id, time.monotonic() + grace + LATE + confirm)

    async def late(self, handle: Handle) -> Ending | None:
        while (answer := await self._look(handle))["state"] != "ended":
            if answer["state"] == "unknown":
                return None
            await asyncio.sleep(POLL)
        return _finished(answer)

    async def recover(self, left: LeftFacts, handle: Handle | None) -> Handle | Lost:
        work = left.mark if handle is None else handle.facts["work"]
        if (await self.ask(op="look", work=work))["state"] == "unknown":
            return Lost(message="the engine does not know this run", began=handle is not None)
        return Handle(self.name, left.run_id, {"work": work})

    async def secrets(self, order: Order) -> tuple[str, ...]:
        of_env = await asyncio.to_thread(known_secrets, order, str(self._socket.parent), os.environ)
        return (*of_env, *(order.run.params[name] for name in sorted(order.run.secret_params)))

    async def _look(self, handle: Handle) -> Any:
        """What the engine knows of work; while it is away nothing is known."""
        try:
            return await self.ask(op="look", work=handle.facts["work"])
        except (OSError, ValueError):
            return {"state": "away"}

    async def ask(self, **question: object) -> Any:
        """Send the engine a line; its answer."""
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        try:
            writer.write(json.dumps(question).encode() + b"\n")
            return json.loads(await reader.readline())
        finally:
            writer.close()


class ClaimingExecutor(EngineExecutor):
    """What it hands to the engine claims its run before it does anything, as work on a cluster does.

    ``shown``: the start tokens that it has given away. ``waits``: what the claimant does first, in shell.
    """

    def __init__(self, socket: Path, waits: str = "true") -> None:
        super().__init__(socket)
        self.shown: list[str] = []
        self._waits = waits

    async def start(self, order: Order, sink: RunSink) -> Handle:
        assert order.run.start_token is not None
        self.shown.append(await order.run.start_token())
        claim = f"{order.run.api_url}/runs/{order.run.run_id}/claim"
        env = (("CLAIM", claim), ("START_TOKEN", self.shown[-1]))
        text = f"{self._waits}; exec {sys.executable} {CLAIMANT}"
        handed = order._replace(spec=order.spec._replace(script=text, env=env))
        return await super().start(handed, sink)


class NoTimeout(EngineExecutor):
    """Its engine is not told how long work may take."""

    async def ask(self, **question: object) -> Any:
        return await super().ask(**{**question, "timeout": None})


def _finished(answer: Any) -> Finished:
    span = Span(datetime.fromtimestamp(answer["started"], UTC), round(answer["seconds"] * 1000))
    tokens = answer["said"]["tokens"] if answer["said"] else None
    ended = Finished(status="ok", tokens=tokens, model="engine-1", span=span)
    if answer["timed_out"]:
        return replace(ended, status="timeout", message="the engine's own timeout")
    return ended if answer["code"] == 0 else replace(ended, status="error", message=f"code {answer['code']}")


@contextmanager
def engine(socket: Path) -> Iterator[subprocess.Popen[str]]:
    """An engine that lives until the block ends."""
    with subprocess.Popen(
        [sys.executable, __file__, str(socket)], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.terminate()


class Work:
    """One piece of work: a shell's text, as a process group, which is ended after ``timeout`` seconds."""

    def __init__(self, text: str, env: dict[str, str], timeout: float | None, says: str) -> None:
        self.started = time.time()
        self._began = time.monotonic()
        self._deadline = inf if timeout is None else self._began + timeout
        self._timed_out = False
        self._says = Path(says)
        self._process = subprocess.Popen(
            ["sh", "-c", text],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **env, "SAYS": says},
            start_new_session=True,
        )

    @property
    def is_over(self) -> bool:
        return self._process.poll() is not None

    def said(self) -> dict[str, object] | None:
        """What it has said last."""
        if not self._says.exists() or not (lines := self._says.read_text().splitlines()):
            return None
        tokens, _, message = lines[-1].partition(" ")
        return {"message": message or None, "tokens": int(tokens) if tokens else None}

    def look(self) -> dict[str, object]:
        if not self.is_over:
            if time.monotonic() > self._deadline and not self._timed_out:
                self._timed_out = True
                self.signal(signal.SIGKILL)
            return {"state": "running", "said": self.said()}
        if not hasattr(self, "_over"):
            self._over = time.monotonic()
            self.signal(signal.SIGKILL)  # what it has left may hold the output open
            assert self._process.stdout is not None
            self._output = self._process.stdout.read()
        if time.monotonic() < self._over + LATE:
            return {"state": "running", "said": self.said()}
        return {
            "state": "ended",
            "code": self._process.returncode,
            "output": self._output,
            "timed_out": self._timed_out,
            "said": self.said(),
            "started": self.started,
            "seconds": self._over - self._began,
        }

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


class Engine:
    """All that the engine knows, and what it answers."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._works: dict[str, Work] = {}
        self._places = inf
        self._is_deaf = False

    def answer(self, question: dict[str, Any]) -> dict[str, object]:
        name = question.get("work", "")
        work = self._works.get(name)
        match question["op"]:
            case "be":
                self._places = question.get("places", self._places)
                self._is_deaf = question.get("deaf", self._is_deaf)
            case "start" if work is None:
                return self._start(name, question["text"], question["env"], question["timeout"])
            case "cancel" if self._is_deaf:
                return {"deaf": True}
            case "cancel" if work is not None:
                work.signal(signal.SIGTERM)
                asyncio.get_running_loop().call_later(question["grace"], work.signal, signal.SIGKILL)
            case "look":
                return {"state": "unknown"} if work is None else work.look()
        return {}

    def end_all(self) -> None:
        for work in self._works.values():
            work.signal(signal.SIGKILL)

    def _start(self, name: str, text: str, env: dict[str, str], timeout: float | None) -> dict[str, object]:
        if text == "":
            return {"refused": "there is nothing to do"}
        if sum(not other.is_over for other in self._works.values()) >= self._places:
            return {"full": True}
        self._works[name] = Work(text, env, timeout, says=f"{self._path}-{name}")
        return {}


async def serve(path: str) -> None:
    engine, over = Engine(path), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if line := await reader.readline():
            writer.write(json.dumps(engine.answer(json.loads(line))).encode() + b"\n")
        writer.close()

    await asyncio.start_unix_server(talk, path)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    print("ready", flush=True)
    await over.wait()
    engine.end_all()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
