"""Streams of events as a client reads them, by the rules of the HTML standard; each is held to its type."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import aiohttp
import jsonschema_rs

from jeeves_runner.api.shapes import schema_of
from jeeves_runner.views.events import DOCUMENTS

PATIENCE = 20.0


class Event(NamedTuple):
    """One event."""

    kind: str
    """Its name."""
    data: Any
    """Its document."""
    id: str
    """What the client shows to go on behind it; empty: as before."""

    @property
    def run(self) -> tuple[int, str, str]:
        """Of a run: its number, what became of it, its status."""
        return self.data["run"]["id"], self.data["change"], self.data["run"]["status"]


def check_event(event: Event) -> None:
    """AssertionError unless its document is of the type that is declared for it."""
    found = [f"{e.instance_path}: {e.message}" for e in _validator(event.kind).iter_errors(event.data)]
    assert found == [], f"{event}: {found}"


def events_in(text: str) -> Iterator[Event]:
    """The events of a stream that has ended."""
    reader = _Reader()
    for line in text.split("\n"):
        if (event := reader.take(line)) is not None:
            yield event


class Listener:
    """One open stream."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self._reader = _Reader()
        self.seen: list[Event] = []

    @property
    def last_id(self) -> str:
        """What this client would show to go on."""
        return self._reader.last_id

    @property
    def comments(self) -> int:
        """How many lines came that say nothing."""
        return self._reader.comments

    async def next(self) -> Event:
        """The next event; EOFError if the stream has ended."""
        async with asyncio.timeout(PATIENCE):
            while line := await self._answer.content.readline():
                if (event := self._reader.take(line.decode().removesuffix("\n"))) is not None:
                    check_event(event)
                    self.seen.append(event)
                    return event
        raise EOFError

    async def until(self, is_it: Callable[[Event], bool]) -> Event:
        """The next event of which this is true."""
        while not is_it(event := await self.next()):
            pass
        return event

    async def rest(self) -> list[Event]:
        """All that comes until the stream ends."""
        found = []
        while True:
            try:
                found.append(await self.next())
            except EOFError:
                return found

    async def until_comments(self, count: int) -> None:
        """Wait until so many lines have come that say nothing."""
        async with asyncio.timeout(PATIENCE):
            while self.comments < count:
                line = await self._answer.content.readline()
                assert self._reader.take(line.decode().removesuffix("\n")) is None


@asynccontextmanager
async def listening(
    session: aiohttp.ClientSession, url: str, last_id: str | None = None, **headers: str
) -> AsyncIterator[Listener]:
    """A stream, until the end of the block."""
    if last_id is not None:
        headers["Last-Event-ID"] = last_id
    async with session.get(url, headers=headers, read_bufsize=1 << 24) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        yield Listener(answer)


class _Reader:
    """Makes events of lines."""

    def __init__(self) -> None:
        self.last_id = ""
        self.comments = 0
        self._kind = "message"
        self._data: list[str] = []
        self._id = ""

    def take(self, line: str) -> Event | None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "" if line:
                self.comments += 1
            case "id":
                self._id = self.last_id = value
            case "event":
                self._kind = value
            case "data":
                self._data.append(value)
            case "retry":
                assert value.isdigit()
            case "":
                return self._dispatch()
        return None

    def _dispatch(self) -> Event | None:
        kind, data, id_ = self._kind, self._data, self._id
        self._kind, self._data, self._id = "message", [], ""
        return Event(kind, json.loads("\n".join(data)), id_) if data else None


@lru_cache
def _validator(kind: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(dict(schema_of(DOCUMENTS[kind])))
