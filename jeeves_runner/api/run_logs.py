"""A run's log as an answer: all of it, or the part that was asked for."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, Protocol

from aiohttp import web

from jeeves_runner.api.connection import log
from jeeves_runner.api.problems import HttpProblem, RefusedAs
from jeeves_runner.api.responses import Look, PiecesResponse
from jeeves_runner.execute.output.log_place import LogPlace
from jeeves_runner.execute.output.log_reader import LogReader
from jeeves_runner.execute.output.log_span import LogSpan
from jeeves_runner.side_thread import SILENT

TEXT: Final[Mapping[str, str]] = MappingProxyType({"Content-Type": "text/plain; charset=utf-8"})
"""The headers of a log as text."""

NO_SUCH_PART: Final = HttpProblem(
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    "no_such_range",
    "the log has no such part",
    "the header Content-Range says how many bytes it has by now",
)
"""The answer to a client that asks for what is behind the end of a log."""


async def log_response(place: LogPlace, look: Look, part: slice | None) -> web.Response:
    """The log of a run. ``part``: the bytes that were asked for; all of it where that is None, where the log
    is two files, and where it has no last bytes yet. OSError if there is none to read; RefusedAs for a part
    behind its end."""
    if part is not None and (answer := await _part_response(place, look, part)) is not None:
        return answer
    pieces = _LogPieces(place, _Whole(place))
    await look(pieces.begin)
    return PiecesResponse(pieces, look, headers={**TEXT, "Accept-Ranges": "bytes"})


async def _part_response(place: LogPlace, look: Look, part: slice) -> web.Response | None:
    found: list[LogSpan | None] = []
    await look(lambda: found.append(LogSpan.of(place, part)))
    [span] = found
    if span is None:
        return None
    pieces = _LogPieces(place, span)
    if span.is_empty:
        await look(pieces.close)
        if part.start < 0:  # the last bytes of none, which no Content-Range can name
            return None
        raise RefusedAs(NO_SUCH_PART._replace(headers={"Content-Range": f"bytes */{span.size}"}))
    headers = {
        **TEXT,
        "Accept-Ranges": "bytes",
        "Content-Range": f"bytes {span.start}-{span.end - 1}/{span.size}",
        "Content-Length": str(span.end - span.start),
    }
    return PiecesResponse(pieces, look, status=HTTPStatus.PARTIAL_CONTENT, headers=headers)


class _Parts(Protocol):
    """What a log is read from."""

    def read(self) -> bytes: ...

    def close(self) -> None: ...


class _Whole:
    """All of a log, also while it is two files."""

    def __init__(self, place: LogPlace) -> None:
        self._parts = LogReader(place).read()

    def read(self) -> bytes:
        return next(self._parts, b"")

    def close(self) -> None:
        self._parts.close()


class _LogPieces:
    """A run's log on its way to a client, read by the thread that may hang."""

    is_file: Final = True
    held: Final = 0

    def __init__(self, place: LogPlace, parts: _Parts) -> None:
        self._place = place
        self._parts = parts
        self._first: bytes | None = None

    def begin(self) -> None:
        """Read the first bytes. Raises OSError if there is no log to read."""
        self._first = self._parts.read()

    def read(self) -> bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return self._parts.read()

    def close(self) -> None:
        self._parts.close()

    def has_broken(self, error: OSError) -> None:
        why = error.strerror or str(error) or SILENT
        log.warning("the log of run %d cannot be read further: %s", self._place.run_id, why)
