"""Documents as JSON bytes, and the responses that carry them."""

import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final, Protocol, Self

from aiohttp import web

from jeeves_runner.api.answer_headers import ASKED_ANEW, CACHE, JSON, of_json
from jeeves_runner.api.shared_answer import SharedAnswer
from jeeves_runner.api.spool import PIECE, Spool

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_in_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_OF_JSON: Final = of_json()

Look = Callable[[Callable[[], bytes | None]], Awaitable[bytes | None]]
"""What has files looked at beside the event loop; it raises OSError where they cannot be."""


def encode(document: object) -> bytes:
    """Compact JSON; what another program stored with half a character in it has that as an escape."""
    try:
        return _encoder.encode(document).encode()
    except UnicodeEncodeError:
        return _in_ascii.encode(document).encode()


def encoded_parts(document: Mapping[str, object]) -> Iterator[bytes]:
    """The same for a document that may be large, from another thread than the event loop's.

    The encoder does not let go of the interpreter amid a call, so each call gets one entry.
    """
    before = b"{"
    for name, value in document.items():
        yield before + encode(name) + b":"
        if isinstance(value, list):
            yield from encoded_list(value)
        else:
            yield encode(value)
        before = b","
    yield b"{}" if not document else b"}"


def encoded_list(entries: Iterable[object]) -> Iterator[bytes]:
    """A JSON list, entry by entry."""
    before = b"["
    for entry in entries:
        yield before + encode(entry)
        before = b","
    yield b"[]" if before == b"[" else b"]"


class Pieces(Protocol):
    """What an answer is sent from."""

    @property
    def is_file(self) -> bool:
        """Whether to read or close it may hang."""

    @property
    def held(self) -> int:
        """How many bytes of it are in memory."""

    def read(self) -> bytes:
        """The next bytes, none at the end. OSError."""

    def close(self) -> None:
        """Free what it takes."""

    def has_broken(self, error: OSError) -> None:
        """It cannot be read further, and the client does not get all of it."""


class _Sending:
    """The pieces one after the other. No generator, which would keep the last piece until Python's next
    collection when its connection ends, and these are rare here.

    Where a piece cannot be read, the connection ends, so that it is not taken for all.
    """

    def __init__(self, pieces: Pieces, look: Look) -> None:
        self._pieces = pieces
        self._look = look

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._next()
        if not piece:
            raise StopAsyncIteration
        return piece

    async def _next(self) -> bytes | None:
        if not self._pieces.is_file:
            return self._pieces.read()
        try:
            return await self._look(self._pieces.read)
        except OSError as error:
            self._pieces.has_broken(error)
            raise ConnectionResetError("a piece of the answer cannot be read") from error


class PiecesResponse(web.Response):
    """An answer that is sent in pieces, each once its client has taken the one before."""

    def __init__(self, pieces: Pieces, look: Look, *, status: int = 200, headers: Mapping[str, str]) -> None:
        """``look`` reads and closes files. To be closed once it has been sent, or cannot be."""
        super().__init__(body=_Sending(pieces, look), status=status, headers=headers)
        self._pieces = pieces
        self._look = look

    @property
    def held(self) -> int:
        """Bytes of it that are in memory: also of the piece on its way, which the writer copies."""
        return self._pieces.held + 2 * PIECE

    async def close(self) -> None:
        """Free what it takes. A file whose disk hangs is left to the thread that waits for it."""
        if not self._pieces.is_file:
            self._pieces.close()
            return
        with suppress(OSError):
            await self._look(self._pieces.close)


def shared_response(data: bytes) -> web.Response:
    """A document that several answers may share, as JSON."""
    return encoded_response(data) if len(data) <= PIECE else SharedAnswer(data)


def tagged(answer: web.Response, tag: str) -> web.Response:
    """The same as an answer that clients may keep. ``tag``: its version."""
    answer.headers["ETag"] = f'"{tag}"'  # which has it asked anew: api.answer_headers
    if CACHE in answer.headers:
        answer.headers[CACHE] = ASKED_ANEW
    return answer


def not_modified(tag: str) -> web.Response:
    """That the client has this version."""
    return tagged(web.Response(status=304), tag)


def is_known(tag: str, known: Collection[str]) -> bool:
    """Whether a client has a version, of those that it has."""
    return tag in known or "*" in known


def spooled_response(spool: Spool, look: Look, status: int = 200) -> web.Response:
    """A document that was written into a spool."""
    if spool.size > PIECE:
        headers = {"Content-Type": JSON, "Content-Length": str(spool.size)}
        return PiecesResponse(spool, look, status=status, headers=headers)
    return encoded_response(spool.read(), status)


def json_response(document: Mapping[str, object], status: int = 200) -> web.Response:
    """A small document with its status."""
    return encoded_response(encode(document), status)


def kept_response(body: bytes, tag: str, known: Collection[str]) -> web.Response:
    """A small document that clients may keep. ``tag``: its version; ``known``: those that the client has."""
    return not_modified(tag) if is_known(tag, known) else tagged(encoded_response(body), tag)


def encoded_response(body: bytes, status: int = 200) -> web.Response:
    """A small document that is JSON already."""
    return web.Response(body=body, status=status, headers=_OF_JSON)
