"""Plain requests to a gateway, the double or a real one, as the tests of the double make them."""

import asyncio
import io
import json
import os
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import aiohttp
import pytest
from support.gateway.double import Double, double
from support.gateway.settings import Settings

T = TypeVar("T")
Row = dict[str, Any]
Frame = dict[str, Any]

_STEP = 0.02


class Answer(NamedTuple):
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: Any
    """The document."""

    @property
    def details(self) -> Any:
        """What a tool has said."""
        assert self.status == 200, self.body
        assert self.body["ok"] is True
        (content,) = self.body["result"]["content"]
        assert json.loads(content["text"]) == self.body["result"]["details"]
        return self.body["result"]["details"]


class Wire:
    """Asks the gateway at ``url``. Labels and parents are of this test alone."""

    def __init__(self, url: str, token: str, *, speed: float) -> None:
        self.url = url
        self.token = token
        self.speed = speed
        """How many seconds of the gateway's clock go by in one of ours."""
        self.mark = uuid.uuid4().hex[:8]
        self.parent = f"agent:main:runner-{self.mark}"
        self.second = f"{self.parent}-second"
        """Another parent of this test."""
        self._runner = asyncio.Runner()
        self._session = self.run(self._open())

    async def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.token}"})

    def close(self) -> None:
        self.run(self._session.close())
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def label(self, name: str) -> str:
        return f"jr-{self.mark}-{name}"

    # Requests

    async def call(
        self, tool: str, args: object, parent: str | None = None, token: str | None = None
    ) -> Answer:
        """``POST /tools/invoke``, for the parent of this test unless another is given."""
        body = {"tool": tool, "args": args, "sessionKey": parent or self.parent}
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        headers["Content-Type"] = "application/json"
        # A file, because aiohttp warns of long bytes.
        data = io.BytesIO(json.dumps(body).encode())
        async with self._session.post(f"{self.url}/tools/invoke", data=data, headers=headers) as answer:
            return Answer(answer.status, answer.headers, await answer.json())

    def invoke(
        self, tool: str, args: object = None, parent: str | None = None, token: str | None = None
    ) -> Answer:
        return self.run(self.call(tool, args or {}, parent, token))

    def get(self, path: str) -> Answer:
        async def ask() -> Answer:
            async with self._session.get(self.url + path) as answer:
                return Answer(answer.status, answer.headers, await answer.json())

        return self.run(ask())

    def spawn(self, task: str, name: str = "one", parent: str | None = None, **more: object) -> Any:
        """The details of a spawn."""
        args = {"task": task, "label": self.label(name), "expectsCompletionMessage": False, **more}
        return self.invoke("sessions_spawn", args, parent).details

    def spawned(self, task: str, name: str = "one", parent: str | None = None, **more: object) -> str:
        """The key of a session that was accepted."""
        details = self.spawn(task, name, parent, **more)
        assert details["status"] == "accepted", details
        key: str = details["childSessionKey"]
        return key

    # What is seen of a session

    def rows(self, **args: object) -> list[Row]:
        """All rows that a list finds, from all of its pages."""
        rows: list[Row] = []
        while True:
            page = self.invoke("sessions_list", {"limit": 200, "offset": len(rows), **args}).details
            rows += page["sessions"]
            if not page.get("hasMore"):
                return rows
            assert page["nextOffset"] == len(rows)

    def row(self, key: str) -> Row:
        (row,) = (row for row in self.rows(search=key.rpartition(":")[2]) if row["key"] == key)
        return row

    def until(self, holds: Callable[[], T | None], seconds: float = 60.0) -> T:
        """The first true answer, looked for so long."""
        end = time.monotonic() + seconds
        while not (answer := holds()):
            assert time.monotonic() < end, "it never came to pass"
            self.run(asyncio.sleep(_STEP * 10 / min(self.speed, 10)))
        return answer

    def ended(self, key: str, seconds: float = 60.0) -> Row:
        """The row of a session once it has ended."""
        return self.until(lambda: _ended(self.row(key)), seconds)

    def history(self, key: str, **args: object) -> Any:
        """``sessions_history``, as the runner asks for it."""
        asked = {"sessionKey": key, "limit": 20, "includeTools": False, **args}
        return self.invoke("sessions_history", asked).details

    def last(self, key: str) -> Any:
        """The last message of ``sessions_history``."""
        return self.history(key)["messages"][-1]

    def messages(self, key: str, query: str = "") -> Answer:
        """``GET /sessions/KEY/history``."""
        return self.get(f"/sessions/{quote(key, safe='')}/history{query}")

    # The socket

    def ask(self, method: str, params: object, **connect: object) -> Frame:
        """The answer to one request on a socket of its own, or to its ``connect`` where that is refused."""

        async def talk() -> Frame:
            async with self._session.ws_connect(self.url, max_msg_size=0) as socket:
                hello = await self._connect(socket, connect)
                if not hello["ok"]:
                    closed = await socket.receive()
                    return {**hello, "closed": closed.data}
                await socket.send_json({"type": "req", "id": "2", "method": method, "params": params})
                return await _answer_to("2", socket)

        return self.run(talk())

    def events(
        self, act: Callable[[], Coroutine[Any, Any, Any]], holds: Callable[[Frame], bool]
    ) -> list[Frame]:
        """The events of tasks from before ``act`` until one for which ``holds`` is true."""

        async def listen() -> list[Frame]:
            seen: list[Frame] = []
            async with self._session.ws_connect(self.url, max_msg_size=0) as socket:
                assert (await self._connect(socket, {}))["ok"]
                await act()
                while not seen or not holds(seen[-1]):
                    frame = await socket.receive_json(timeout=60)
                    seen += [frame["payload"]] if frame.get("event") == "task" else []
            return seen

        return self.run(listen())

    async def _connect(self, socket: aiohttp.ClientWebSocketResponse, changed: Mapping[str, object]) -> Frame:
        challenge = await socket.receive_json()
        assert challenge["event"] == "connect.challenge"
        assert challenge["payload"]["nonce"]
        params = {
            "minProtocol": 4,
            "maxProtocol": 4,
            "client": {"id": "gateway-client", "version": "1", "platform": "linux", "mode": "backend"},
            "role": "operator",
            "scopes": ["operator.read"],
            "caps": [],
            "auth": {"token": self.token},
        }
        frame = {"type": "req", "id": "1", "method": "connect", "params": {**params, **changed}}
        await socket.send_json(frame)
        return await _answer_to("1", socket)

    # Tasks

    def subagents(self, action: str, parent: str | None = None, **args: object) -> Any:
        return self.invoke("subagents", {"action": action, **args}, parent).details

    def tasks(self, parent: str | None = None) -> dict[str, Any]:
        """Tasks of the parent by their labels, without this test's prefix."""
        listed = self.subagents("list", parent, recentMinutes=1440)["tasks"]
        return {task.get("label", "").removeprefix(self.label("")): task for task in listed}

    def begun(self, key: str) -> Row:
        """The row of a session once it has called the model. Gateways take harm from earlier cancels."""
        return self.until(lambda: row if "abortedLastRun" in (row := self.row(key)) or _ended(row) else None)

    def cancel(self, name: str, parent: str | None = None) -> Any:
        """Cancel by the task, and what is answered; one that runs is given the time to begin."""
        for row in self.rows(label=self.label(name)):
            if row.get("status") == "running":
                self.begun(row["key"])
        return self.subagents("cancel", parent, taskId=self.tasks(parent)[name]["taskId"])

    def cancel_all(self, parent: str | None = None) -> None:
        """End what the parent has left running, those in the line first."""
        keys = [row["key"] for row in self.rows(search=self.label("")) if not _ended(row)]
        for row in map(self.row, reversed(keys)):
            name = row["label"].removeprefix(self.label(""))
            if row["parentSessionKey"] == (parent or self.parent) and not _ended(row):
                self.cancel(name, parent)


async def _answer_to(number: str, socket: aiohttp.ClientWebSocketResponse) -> Frame:
    """The answer to a request; events that come before it are passed over."""
    while True:
        frame: Frame = await socket.receive_json(timeout=60)
        if frame["type"] == "res" and frame["id"] == number:
            return frame


def _ended(row: Row) -> Row | None:
    return row if row.get("status") in ("done", "failed", "killed", "timeout") else None


@contextmanager
def wire_to(url: str, token: str, *, speed: float) -> Iterator[Wire]:
    """Requests to a gateway, until the block ends."""
    wire = Wire(url, token, speed=speed)
    try:
        yield wire
    finally:
        wire.close()


@contextmanager
def doubled(settings: Settings | None = None) -> Iterator[tuple[Double, Wire]]:
    """A double in a thread and requests to it, until the block ends."""
    with (
        double(settings) as gateway,
        wire_to(gateway.url, gateway.token, speed=gateway.settings.speed) as wire,
    ):
        yield gateway, wire


def only_double(why: str) -> pytest.MarkDecorator:
    """The mark of a test that a real gateway cannot have, because ``why``."""
    return pytest.mark.skipif("OPENCLAW_GATEWAY_URL" in os.environ, reason=why)
