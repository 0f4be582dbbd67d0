"""An engine: a process of its own that carries work out whether or not a runner lives, and its executor.

Take it to see that a runner knows executors by their contract alone. The engine answers one line of JSON for
each that it is sent on its Unix socket; it is asked for an end again and again, and tells of one ``LATE``
seconds afterwards. Started as a program, this module is the engine itself: ``engine.py SOCKET``.
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from jeeves_runner.core.model import JobSpec, Reason
from jeeves_runner.core.outcome import Ending, Finished, Lost, Span
from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.contract import Handle, LeftFacts, Order, RunSink, Sink

LATE = 0.2
POLL = 0.02


class EngineExecutor:
    """Hands work to the engine at ``socket``, and asks for its end until there is an answer."""

    name = "engine"
    on_shutdown: Literal["end", "leave"] = "leave"

    def __init__(self, socket: Path, slots: int | None = None) -> None:
        self.slots = slots
        self.full: Reason | None = None
        self._socket = socket
        self._ended: set[int] = set()

    async def open(self) -> None:
        """Each question opens its own connection."""

    def room(self, spec: JobSpec) -> Reason | None:
        return self.full

    async def start(self, order: Order, sink: RunSink) -> Handle:
        sink.prepared(secrets=(), script_hash=None)
        env = {name: value for name, value in order.spec.env if isinstance(value, str)}
        answer = await self._ask(op="start", work=order.run.mark, text=order.spec.script, env=env)
        if "refused" in answer:
            raise StartFailed(answer["refused"])
        return Handle(self.name, order.run.run_id, {"work": order.run.mark})

    async def wait(self, handle: Handle, sink: Sink) -> Ending:
        while True:
            with suppress(OSError, ValueError):  # the engine is away; it is asked again
                answer = await self._ask(op="look", work=handle.facts["work"])
                if answer["state"] == "unknown":
                    return Lost(message="the engine does not know this run")
                if answer["state"] == "ended":
                    break
            await asyncio.sleep(POLL)
        self._ended.add(handle.run_id)
        sink.write("stdout", answer["output"].encode())
        span = Span(datetime.fromtimestamp(answer["started"], UTC), round(answer["seconds"] * 1000))
        if answer["code"] == 0:
            return Finished(status="ok", span=span)
        return Finished(status="error", message=f"code {answer['code']}", span=span)

    def has_ended(self, handle: Handle) -> bool:
        return handle.run_id in self._ended

    async def cancel(self, handle: Handle, grace: float) -> None:
        await self._ask(op="cancel", work=handle.facts["work"], grace=grace)

    async def recover(self, left: LeftFacts, handle: Handle | None) -> Handle | Lost:
        work = left.mark if handle is None else handle.facts["work"]
        if (await self._ask(op="look", work=work))["state"] == "unknown":
            return Lost(message="the engine does not know this run")
        return Handle(self.name, left.run_id, {"work": work})

    async def _ask(self, **question: object) -> Any:
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        try:
            writer.write(json.dumps(question).encode() + b"\n")
            return json.loads(await reader.readline())
        finally:
            writer.close()


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
    """One piece of work: a shell's text, as a process group."""

    def __init__(self, text: str, env: dict[str, str]) -> None:
        self.started = time.time()
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            ["sh", "-c", text],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **env},
            start_new_session=True,
        )

    def look(self) -> dict[str, object]:
        if self._process.poll() is None:
            return {"state": "running"}
        if not hasattr(self, "_over"):
            self._over = time.monotonic()
            assert self._process.stdout is not None
            self._output = self._process.stdout.read()
        if time.monotonic() < self._over + LATE:
            return {"state": "running"}
        return {
            "state": "ended",
            "code": self._process.returncode,
            "output": self._output,
            "started": self.started,
            "seconds": self._over - self._began,
        }

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


async def serve(path: str) -> None:
    works: dict[str, Work] = {}
    loop = asyncio.get_running_loop()

    def answer(question: dict[str, Any]) -> dict[str, object]:
        work = works.get(question["work"])
        match question["op"]:
            case "start" if work is None and question["text"] == "":
                return {"refused": "there is nothing to do"}
            case "start":
                works.setdefault(question["work"], work or Work(question["text"], question["env"]))
            case "cancel" if work is not None:
                work.signal(signal.SIGTERM)
                loop.call_later(question["grace"], work.signal, signal.SIGKILL)
            case "look":
                return {"state": "unknown"} if work is None else work.look()
        return {}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if line := await reader.readline():
            writer.write(json.dumps(answer(json.loads(line))).encode() + b"\n")
        writer.close()

    await asyncio.start_unix_server(talk, path)
    print("ready", flush=True)
    loop.add_signal_handler(signal.SIGTERM, loop.stop)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(RuntimeError):  # the loop was stopped
        asyncio.run(serve(sys.argv[1]))
