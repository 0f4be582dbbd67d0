"""Questions to a server on another machine, or of another project on this one, by its address."""

import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import SplitResult, urlsplit

from jeeves_runner.client.problems import hint_of_tls, words_of
from jeeves_runner.core.wording import brief
from jeeves_runner.errors import InvalidValue, NoServer

_PATIENCE: Final = 30.0
"""Seconds for each step of an answer."""

_LARGEST: Final = 256 << 20
"""Bytes of an answer: more than 100,000 jobs take."""

_HINT: Final = "write where it answers, such as http://127.0.0.1:1937"


def ask_address(address: str, path: str) -> object:
    """The document of a route; InvalidValue for what is no address, NoServer where no such answer comes."""
    parts = _parts(address)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_PATIENCE)
    try:
        connection.request("GET", parts.path.rstrip("/") + path, headers={"Accept": "application/json"})
        with connection.getresponse() as answer:
            body = answer.read(_LARGEST + 1)
    except (OSError, HTTPException, UnicodeError) as error:
        hint = hint_of_tls(error) or _HINT
        raise NoServer(f"no server answers at {address}: {words_of(error)}", hint=hint) from error
    finally:
        connection.close()
    if answer.status != 200:
        raise NoServer(f"{address}{path} answers {answer.status}: {_told(body) or answer.reason}", hint=_HINT)
    if len(body) > _LARGEST:
        raise NoServer(f"the answer of {address}{path} is larger than {_LARGEST >> 20} MiB", hint=_HINT)
    return _document(body)


def _parts(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises for what is no number
    except ValueError as error:
        raise InvalidValue(f"{brief(address)} is no address: {error}", hint=_HINT) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidValue(f"{brief(address)} is no address of a server", hint=_HINT)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidValue("the address of a server has no name, password, `?` or `#` in it", hint=_HINT)
    if not address.isascii() or not address.isprintable() or " " in address:
        raise InvalidValue(f"{brief(address)} is no address: write its host in ASCII", hint=_HINT)
    return parts


def _document(body: bytes) -> object:
    """None for what is no JSON: another program may answer."""
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document


def _told(body: bytes) -> str | None:
    """What a problem's document says."""
    document = _document(body)
    error = document.get("error") if isinstance(document, dict) else None
    return brief(error) if isinstance(error, str) else None
