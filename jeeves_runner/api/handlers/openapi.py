"""The handler of the API's description."""

from functools import cache, partial
from hashlib import sha256
from typing import NamedTuple

from aiohttp import web

from jeeves_runner.api.responses import encode, kept_response
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.schemas_text import openapi_document


class _Encoded(NamedTuple):
    """The description as it is sent."""

    text: bytes
    """JSON."""
    tag: str
    """What tells it from those of other versions."""


async def document(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    """As the file of this version has it, with the name that cookies of this server have."""
    encoded = await call.look(partial(_encoded, call.asking.browser.cookie))
    return kept_response(encoded.text, encoded.tag, call.asking.known)


@cache
def _encoded(cookie: str) -> _Encoded:
    """In a side thread: it reads a file, once for each port at which the server is asked."""
    said = openapi_document()
    said["components"]["securitySchemes"]["cookie"]["name"] = cookie
    text = encode(said)
    return _Encoded(text, sha256(text).hexdigest()[:32])
