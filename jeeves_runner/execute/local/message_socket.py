"""One end of a socket pair in the event loop: messages both ways, with descriptors on the way out."""

import asyncio
import marshal
import os
import socket
from array import array
from collections.abc import Callable
from typing import Any

from jeeves_runner.execute.local.starter_main import LENGTH

_RECEIVED = 1 << 16
_LONGEST = 1 << 16
"""Bytes of the longest answer; one holds some numbers and a path."""


class MessageSocket:
    """Sends and receives tuples as ``starter_main`` describes them, without ever blocking.

    ``on_message`` is called with the parts of each message, ``on_room`` when it has been full and is not any
    more, ``on_end`` once, when the other end has closed or has sent what is no message.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        on_message: Callable[..., None],
        on_room: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._on_message = on_message
        self._on_room = on_room
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._unsent: tuple[bytes, list[int]] | None = None
        self._received = b""
        self._is_closed = False
        self._loop.add_reader(sock, self._on_readable)

    @property
    def is_full(self) -> bool:
        """Whether the other end is slow to read; then send nothing more."""
        return self._unsent is not None

    def send(self, messages: bytes, fds: list[int]) -> None:
        """Send what ``encode`` gave, with at most 253 descriptors, which are closed once they are sent."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds))] if fds else []
        try:
            sent = self._sock.sendmsg([messages], rights)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = len(messages)  # the other end has gone, which the reader will see
        if sent:  # descriptors go with the first byte
            fds = _close_all(fds)
        if sent < len(messages):
            self._unsent = messages[sent:], fds
            self._loop.add_writer(self._sock, self._on_writable)

    def close(self) -> None:
        """Close it, and what was still to be sent; ``on_end`` is not called any more."""
        if not self._is_closed:
            self._is_closed = True
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._sock.close()
            _close_all(self._unsent[1] if self._unsent else [])

    def _on_writable(self) -> None:
        self._loop.remove_writer(self._sock)
        if self._unsent is not None:
            (messages, fds), self._unsent = self._unsent, None
            self.send(messages, fds)
        if not self.is_full:
            self._on_room()

    def _on_readable(self) -> None:
        try:
            data = self._sock.recv(_RECEIVED)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        try:
            messages = self._messages(data)
        except (ValueError, EOFError, TypeError):
            messages, data = [], b""
        for message in messages:
            if not self._is_closed:
                self._on_message(*message)
        if not data and not self._is_closed:
            self.close()
            self._on_end()

    def _messages(self, data: bytes) -> list[tuple[Any, ...]]:
        """Those that are whole by now. Raises ValueError, EOFError or TypeError for what is none."""
        data = self._received + data
        found, start = [], 0
        while len(data) - start >= LENGTH.size:
            (length,) = LENGTH.unpack_from(data, start)
            if length > _LONGEST:
                raise ValueError(f"a message of {length} bytes")
            end = start + LENGTH.size + length
            if end > len(data):
                break
            found.append(tuple(marshal.loads(data[start + LENGTH.size : end])))
            start = end
        self._received = data[start:]
        return found


def encode(*message: Any) -> bytes:
    """A message, ready to be sent."""
    data = marshal.dumps(message)
    return LENGTH.pack(len(data)) + data


def _close_all(fds: list[int]) -> list[int]:
    for fd in fds:
        os.close(fd)
    return []
