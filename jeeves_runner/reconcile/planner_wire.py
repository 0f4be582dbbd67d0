"""How the runner and its planner's process speak: length-prefixed pickles, in both directions.

Large values cross in small pieces: unpickling one piece must not hold the runner's event loop for long.
"""

import pickle
import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Protocol

from jeeves_runner.core.live import Delta, Live

_LENGTH = struct.Struct(">I")
_PIECE = 200


class Readable(Protocol):
    def read(self, count: int, /) -> bytes: ...


class Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...


def send_live(stream: Writable, live: Live) -> None:
    send(stream, live.base)
    send_all(stream, live.rows.items())
    send_all(stream, live.files.values())
    send_all(stream, live.namespaces.items())


def receive_live(stream: Readable) -> Live:
    base = receive(stream)
    rows = dict(receive_all(stream))
    files = {record.path: record for record in receive_all(stream)}
    return Live(base, rows, files, dict(receive_all(stream)))


def send_delta(stream: Writable, delta: Delta) -> None:
    send(stream, delta.base)
    for things in delta[1:]:
        send_all(stream, things)


def receive_delta(stream: Readable) -> Delta:
    base = receive(stream)
    return Delta(base, *(tuple(receive_all(stream)) for _ in Delta._fields[1:]))


def send_all(stream: Writable, things: Iterable[Any]) -> None:
    for piece in _pieces(things):
        send(stream, piece)
    send(stream, None)


def receive_all(stream: Readable) -> Iterator[Any]:
    while (piece := receive(stream)) is not None:
        yield from piece


def _pieces(things: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(things)
    while piece := list(islice(iterator, _PIECE)):
        yield piece


def send(stream: Writable, value: Any) -> None:
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(data)) + data)


def receive(stream: Readable) -> Any:
    return pickle.loads(_exactly(stream, _LENGTH.unpack(_exactly(stream, _LENGTH.size))[0]))


def _exactly(stream: Readable, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError("the stream ended")
    return data
