"""Bytes in memory that several answers share, put on the wire without a copy.

A transport copies what the system does not take at once. A list of jobs is a megabyte, which many ask for
again and again, so the system is asked here, and the transport has only the piece that waits for the client.
"""

import os
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter
from aiohttp.payload import Payload

from jeeves_runner.api.answer_headers import JSON
from jeeves_runner.api.spool import PIECE


class _Shared(Payload):
    """The bytes, from where they stand."""

    _autoclose = True  # nothing is opened

    def __init__(self, data: bytes) -> None:
        super().__init__(data, content_type=JSON)
        self._size = len(data)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return str(self._value, encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Nothing is counted in ``writer``, but the head that goes before."""
        if not isinstance(writer, StreamWriter):
            raise TypeError(f"an answer is sent by the server's own writer, not by {type(writer).__name__}")
        writer.send_headers()
        await writer.drain()
        rest = memoryview(self._value)
        while rest:
            rest = rest[await _written(writer, rest) :]


async def _written(writer: StreamWriter, rest: memoryview) -> int:
    """How many bytes are written of these. The transport has none that wait."""
    transport = writer.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client hung up amid its answer")
    try:
        return os.write(transport.get_extra_info("socket").fileno(), rest)
    except BlockingIOError:
        piece = rest[:PIECE]
        transport.write(piece)
        await writer.drain()
        return len(piece)


class SharedAnswer(web.Response):
    """A document that several answers may share, as JSON."""

    def __init__(self, data: bytes) -> None:
        super().__init__(body=_Shared(data))
        self.held: Final = len(data) + PIECE
        """Bytes of it that are in memory. Each answer counts them as its own: they outlast what has made
        them."""
