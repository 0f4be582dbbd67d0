"""Questions to a server on another machine, or of another project on this one, by its address."""

import json
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from jeeves_runner.client.problems import hint_of_tls, words_of
from jeeves_runner.core.tokens import MAX_BYTES, token_fault
from jeeves_runner.core.wording import brief
from jeeves_runner.errors import InvalidValue, NoServer
from jeeves_runner.regular_files import read_secret

_PATIENCE: Final = 30.0
"""Seconds for each step of an answer."""

_LARGEST: Final = 256 << 20
"""Bytes of an answer: more than 100,000 jobs take."""

_HINT: Final = "write where it answers, such as http://127.0.0.1:1937"

_TOKEN_HINT: Final = "name a file with a token of role read by --token-file"


def ask_address(address: str, path: str, token_file: Path | None = None) -> object:
    """The document of a route; InvalidValue for what is no address, NoServer where no such answer comes.

    ``token_file``: the file of the token to send, if the server takes one; InvalidValue if it holds none.
    """
    headers = {"Accept": "application/json"}
    if token_file is not None:
        headers["Authorization"] = f"Bearer {_token_in(token_file)}"
    parts = _parts(address)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_PATIENCE)
    try:
        connection.request("GET", parts.path.rstrip("/") + path, headers=headers)
        with connection.getresponse() as answer:
            body = answer.read(_LARGEST + 1)
    except (OSError, HTTPException, UnicodeError) as error:
        hint = hint_of_tls(error) or _HINT
        raise NoServer(f"no server answers at {address}: {words_of(error)}", hint=hint) from error
    finally:
        connection.close()
    if answer.status != 200:
        hint = _TOKEN_HINT if answer.status == HTTPStatus.UNAUTHORIZED else _HINT
        raise NoServer(f"{address}{path} answers {answer.status}: {_told(body) or answer.reason}", hint=hint)
    if len(body) > _LARGEST:
        raise NoServer(f"the answer of {address}{path} is larger than {_LARGEST >> 20} MiB", hint=_HINT)
    return _document(body)


def _token_in(file: Path) -> str:
    try:
        token = read_secret(file, MAX_BYTES)
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InvalidValue(f"the token cannot be read from {file}: {why}") from error
    if (fault := token_fault(token)) is not None:
        raise InvalidValue(f"{file} holds no token: {fault}", hint="put the token into it and nothing else")
    return token


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
