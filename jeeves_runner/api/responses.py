"""Documents as JSON bytes, and the responses that carry them."""

import json
from collections.abc import Mapping

from aiohttp import web

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def encode(document: object) -> bytes:
    """Compact JSON; what a script stored with half a character in it is shown, not refused."""
    return _encoder.encode(document).encode("utf-8", "replace")


def encode_by_parts(document: Mapping[str, object]) -> bytes:
    """The same for a document that may be large, from another thread than the event loop's.

    The encoder does not let go of the interpreter amid a call, so each call gets one entry.
    """
    parts = (encode(name) + b":" + _by_entries(value) for name, value in document.items())
    return b"{" + b",".join(parts) + b"}"


def _by_entries(value: object) -> bytes:
    if isinstance(value, list):
        return b"[" + b",".join(encode(entry) for entry in value) + b"]"
    return encode(value)


def json_response(document: Mapping[str, object], status: int = 200) -> web.Response:
    """A document with its status."""
    return encoded_response(encode(document), status)


def encoded_response(body: bytes, status: int = 200) -> web.Response:
    """A document that is JSON already."""
    return web.Response(body=body, status=status, content_type="application/json")
