"""The log of a run as the server tells of it while it grows, over its Unix socket."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from jeeves_runner.cli.server import send_request
from jeeves_runner.db.runner import RunnerRow
from jeeves_runner.execute.output.log_reader import LogMark
from jeeves_runner.execute.output.log_ring import marker

if TYPE_CHECKING:
    from socket import socket

_PATIENCE: Final = 1.0
"""Seconds for a server to take a question."""

_SILENCE: Final = 60.0
"""Seconds after which a server that says nothing is gone: it says something every 15."""

_PART: Final = 1 << 16


class LogStream:
    """What a run writes, from a mark on. Iterating ends with the run, or when the stream ends sooner."""

    def __init__(self, connection: "socket", mark: LogMark) -> None:
        self._connection = connection
        self._rest = b""
        self.mark = mark
        """How far it has come."""
        self.has_ended = False
        """Whether that was all of the log."""

    @classmethod
    def begin(cls, server: RunnerRow, run_id: int, mark: LogMark) -> "LogStream | None":
        """None if the server does not answer with one."""
        try:
            connection = send_request(server, f"/runs/{run_id}/logs?follow=1&after={mark}", _PATIENCE)
        except OSError:
            return None
        stream = cls(connection, mark)
        head = next(stream._blocks(b"\r\n\r\n"), b"")
        if head.split(maxsplit=2)[1:2] != [b"200"] or b"text/event-stream" not in head:
            stream.close()
            return None
        connection.settimeout(_SILENCE)
        return stream

    def __iter__(self) -> Iterator[bytes]:
        for event in self._blocks(b"\n\n"):
            fields = dict(line.partition(b": ")[::2] for line in event.split(b"\n"))
            kind, data = fields.get(b"event"), json.loads(fields.get(b"data", b"null"))
            if kind == b"text":
                yield data["text"].encode("utf-8", "replace")
            elif kind == b"cut":
                yield marker(data["bytes"])
            self.has_ended = self.has_ended or kind == b"end"
            self.mark = LogMark.parse(fields.get(b"id", b"").decode()) or self.mark

    def close(self) -> None:
        """Hear no more of it."""
        self._connection.close()

    def _blocks(self, end: bytes) -> Iterator[bytes]:
        """What comes up to each such end, as long as anything comes."""
        while True:
            block, found, rest = self._rest.partition(end)
            if found:
                self._rest = rest
                yield block
                continue
            try:
                part = self._connection.recv(_PART)
            except OSError:
                return
            if not part:
                return
            self._rest += part
