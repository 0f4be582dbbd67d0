"""Errors that a server has answered, as the errors that the same call would raise on the database."""

from http import HTTPStatus
from ssl import SSLCertVerificationError, SSLEOFError, SSLError
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

OF_A_PROXY: Final = frozenset({502, 503, 504})
"""What a proxy answers while the server behind it is away, or takes too long."""

_IS_IT_THERE: Final = "is `jeeves-runner serve` running there?"


def is_for_good(error: BaseException) -> bool:
    """Whether another attempt to connect fails as well: TLS has refused the other end, or it speaks none."""
    return isinstance(error, SSLError) and not isinstance(error, SSLEOFError)


def hint_of_tls(error: BaseException) -> str | None:
    """What to do about an error of TLS; None for another one."""
    if isinstance(error, SSLCertVerificationError):
        return "for an authority of your own, name the file with its certificate in SSL_CERT_FILE"
    return "does it speak http:// there, and not https://?" if is_for_good(error) else None


def not_connected(what: str, error: BaseException) -> NoServer:
    """``what`` with the words of an error has kept a connection from being made."""
    return NoServer(f"{what}: {words_of(error)}", hint=hint_of_tls(error) or _IS_IT_THERE)


def words_of(error: BaseException) -> str:
    """What an error on the way says."""
    if isinstance(error, SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message.rstrip('.')}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def maybe_done(what: str) -> NoServer:
    """``what`` has kept a write from being answered."""
    return NoServer(
        f"{what}; it may have done what was asked, or not",
        hint="look whether it was done before you ask again",
    )


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


def error_of(status: int, problem: dict[str, Any] | None, where: str, *, writes: bool = False) -> JeevesError:
    """What to raise. ``where``: the server, for an answer that is no problem of it."""
    if problem is None:
        phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
        if status in OF_A_PROXY:
            what = f"the proxy at {where} got no answer of the server: {status} {phrase}"
            return maybe_done(what) if writes else NoServer(what, hint=_IS_IT_THERE)
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
