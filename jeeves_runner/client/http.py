"""State and queues of a server, over HTTP."""

import time
from collections.abc import Sequence
from typing import Any, Final

from jeeves_runner.client.documents import HttpRequest, of_all, of_read, of_write
from jeeves_runner.client.line import FAULTS, Answer, Line
from jeeves_runner.client.problems import (
    NOTHING_DONE,
    OF_A_PROXY,
    code_of,
    error_of,
    is_for_good,
    maybe_done,
    not_connected,
    parsed_problem,
    words_of,
)
from jeeves_runner.clock import Clock
from jeeves_runner.core.operations import Claim, Gathered, GetItem, GetState, Read, Write
from jeeves_runner.core.values import Expect, decode_json
from jeeves_runner.db.queue_claims import Item
from jeeves_runner.errors import InvalidValue, NoServer

MAX_REQUEST: Final = 1 << 20
"""Bytes of JSON in one request."""

_PATIENCE: Final = 10.0
"""Seconds in which a server that cannot be reached, or has no room, is tried again."""

_PATIENCE_OF_RUNS: Final = 60.0
_ANSWER: Final = 60.0
"""Seconds until a script which is no run must have an answer."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


class Http:
    """One server, asked over one connection.

    A request that has not reached it is sent again within the patience. One that has been sent, and of which
    no answer came, is sent again only if it reads.
    """

    def __init__(self, url: str, token: str | None, clock: Clock, *, is_run: bool) -> None:
        self._url = url
        self._clock = clock
        self._patience = _PATIENCE_OF_RUNS if is_run else _PATIENCE
        self._line = Line(url, token, None if is_run else _ANSWER)

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def read(self, op: Read) -> Any:
        """What is found now."""
        missing = "no_value" if isinstance(op, GetState | GetItem) else None
        return self._result(of_read(op), missing=missing)

    def write(self, op: Write) -> Any:
        """Do it in a transaction of its own."""
        found = self._result(of_write(op))
        return [Item(**item) for item in found] if type(op) is Claim else found

    def write_all(self, ops: Sequence[Gathered]) -> list[Any]:
        """Do them in one transaction."""
        done: list[Any] = self._result(of_all(ops))
        return done

    def _result(self, request: HttpRequest, *, missing: str | None = None) -> Any:
        answer, problem = self._answer(request)
        if answer.status == 200 and problem is None:
            found = self._found(answer, request.result)
            return found[0] if request.is_one_of_several else found
        if problem is not None and missing is not None and code_of(problem) == missing:
            return Expect.MISSING
        raise error_of(answer.status, problem, self._url, writes=request.method != "GET")

    def _found(self, answer: Answer, name: str) -> Any:
        try:
            return decode_json(answer.body.decode())[name]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise error_of(answer.status, None, self._url) from None

    def _answer(self, request: HttpRequest) -> tuple[Answer, dict[str, Any] | None]:
        """The answer, and the problem that it is."""
        body = None if request.body is None else request.body.encode()
        if body is not None and len(body) > MAX_REQUEST:
            raise InvalidValue(
                f"this takes {len(body)} bytes of JSON, and a request over HTTP has {MAX_REQUEST} at most",
                hint="split it, or keep the large part elsewhere and store where it is",
            )
        give_up_at, pause = self._clock.monotonic() + self._patience, _FIRST_PAUSE
        while True:
            left = give_up_at - self._clock.monotonic()
            try:
                answer = self._ask(request, body, is_last=left <= 0)
            except _Again:
                pass
            else:
                problem = parsed_problem(answer.body) if answer.status >= 400 else None
                if left <= 0 or not _passes(request, answer, problem):
                    return answer, problem
            time.sleep(min(pause, max(left, 0)))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _ask(self, request: HttpRequest, body: bytes | None, *, is_last: bool) -> Answer:
        """One attempt; _Again where it has come to nothing and another one does no harm."""
        try:
            self._line.connect()
        except FAULTS as error:
            if not is_last and not is_for_good(error):
                raise _Again from error
            raise not_connected(f"the server at {self._url} cannot be reached", error) from error
        try:
            return self._line.ask(request.method, request.path, body)
        except FAULTS as error:
            if request.method == "GET" and not is_last:
                raise _Again from error
            what = f"the server at {self._url} has not answered: {words_of(error)}"
            if request.method == "GET":
                raise NoServer(what) from error
            raise maybe_done(what) from error


def _passes(request: HttpRequest, answer: Answer, problem: dict[str, Any] | None) -> bool:
    """Whether the same request may be answered otherwise soon, and does no harm until then."""
    if problem is None:
        return answer.status in OF_A_PROXY and request.method == "GET"
    return code_of(problem) in NOTHING_DONE


class _Again(Exception):
    """This attempt has come to nothing."""
