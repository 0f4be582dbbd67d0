"""Errors that a server has answered, as the errors that the same call would raise on the database."""

from http import HTTPStatus
from typing import Any, Final

from jeeves_runner.core.values import decode_json
from jeeves_runner.errors import InvalidValue, JeevesError, NoServer, Overloaded, Unauthorized

_OTHERS: Final[dict[str, type[JeevesError]]] = {
    "forbidden": Unauthorized,
    "too_large": InvalidValue,
    "too_many_attempts": Unauthorized,
    "too_many_connections": Overloaded,
    "bad_request": InvalidValue,
}
"""What HTTP alone knows."""

NOTHING_DONE: Final = frozenset({"overloaded", "too_many_connections"})
"""The codes of problems that come before anything is done, and pass."""


def code_of(problem: dict[str, Any]) -> str:
    """What stands at the end of its type."""
    return str(problem.get("type", "")).rpartition(":")[2]


def parsed_problem(body: bytes) -> dict[str, Any] | None:
    """The problem that a body is; None if it is none."""
    try:
        found = decode_json(body.decode())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and {"type", "detail"} <= found.keys() else None


def error_of(status: int, problem: dict[str, Any] | None, where: str) -> JeevesError:
    """What to raise. ``where``: the server, for an answer that is no problem of it."""
    if problem is None:
        phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
        return NoServer(
            f"what answers at {where} is no jeeves-runner: {status} {phrase}".rstrip(),
            hint="look at the address, and at a proxy that stands between",
        )
    kind = _by_code().get(code_of(problem)) or _OTHERS.get(code_of(problem), JeevesError)
    return kind(str(problem["detail"]), hint=problem.get("hint"))


def _by_code() -> dict[str, type[JeevesError]]:
    """Each class that has a code of its own, by that."""
    found: dict[str, type[JeevesError]] = {}
    kinds = [JeevesError]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if "code" in vars(kind):
            found[kind.code] = kind
    return found
