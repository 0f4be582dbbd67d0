"""Answers as JSON bytes."""

import json
from typing import Any

from aiohttp import web

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def encode(document: Any) -> bytes:
    """Compact JSON; what a script stored with half a character in it is shown, not refused."""
    return _encoder.encode(document).encode("utf-8", "replace")


def answer(document: Any, status: int = 200) -> web.Response:
    """A document with its status."""
    return answer_encoded(encode(document), status)


def answer_encoded(body: bytes, status: int = 200) -> web.Response:
    """A document that is JSON already."""
    return web.Response(body=body, status=status, content_type="application/json")
