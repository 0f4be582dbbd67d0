"""The parameters of requests, checked: those of the path, the query and the JSON body.

What cannot be understood raises InvalidValue.
"""

import asyncio
import json
import re
from collections.abc import Collection, Container, Iterator
from datetime import timedelta
from typing import Any, Final

from aiohttp import web

from jeeves_runner.api.connection import LIMITS
from jeeves_runner.core.durations import parse_duration, span_ms
from jeeves_runner.core.params import param_variables
from jeeves_runner.core.values import check_name, to_json
from jeeves_runner.errors import InvalidValue

MAX_LIMIT: Final = 1000
MAX_LOOK_WAIT_MS: Final = 60_000
_MAX_ID: Final = 2**63 - 1
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')


def limit(request: web.Request, default: int) -> int:
    """``?limit=``, from 1 to 1000."""
    return limit_if_any(request) or default


def limit_if_any(request: web.Request) -> int | None:
    """``?limit=``, from 1 to 1000, of a list that is whole without one."""
    return _whole(request.query.get("limit"), "limit", MAX_LIMIT)


def cursor(request: web.Request) -> str | None:
    """``?cursor=``, as ``next_cursor`` of the page before gave it."""
    text = request.query.get("cursor")
    return None if text is None else check_name(text, "cursor")


def before(request: web.Request) -> int | None:
    """``?before=``, a run's number."""
    return _whole(request.query.get("before"), "before", _MAX_ID)


def run_id(request: web.Request) -> int:
    """The run's number in the path."""
    number = _whole(request.match_info["run"], "the run", _MAX_ID)
    assert number is not None
    return number


def choice(request: web.Request, name: str, allowed: Collection[str]) -> str | None:
    """A query parameter that takes one of a few words."""
    value = request.query.get(name)
    if value is not None and value not in allowed:
        raise InvalidValue(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return value


def flag(request: web.Request, name: str) -> bool:
    """``?name=1`` or ``?name=true``."""
    return choice(request, name, ("0", "1", "false", "true")) in ("1", "true")


def wait_ms(request: web.Request) -> int | None:
    """How long the client wants to wait for the end of the run it starts: None is as long as it takes."""
    wanted = _wait_ms(request)
    if wanted is None and "respond-async" in preferences(request):
        return 0
    return wanted


def look_wait_ms(request: web.Request) -> int:
    """How long a look at a run may wait for its end: not at all unless asked, a minute at most."""
    wanted = _wait_ms(request) or 0
    if wanted > MAX_LOOK_WAIT_MS:
        raise InvalidValue("wait: a look waits 1m at most", hint="ask again when it has passed")
    return wanted


def _wait_ms(request: web.Request) -> int | None:
    text = request.query.get("wait")
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise InvalidValue(f"wait: {error}") from error


def preferences(request: web.Request) -> Iterator[str]:
    """The names of all preferences (RFC 7240), without their values and parameters."""
    for line in request.headers.getall("Prefer", ()):
        for preference in _QUOTED.sub("", line).split(","):
            yield re.split("[=;]", preference)[0].strip().lower()


async def body(request: web.Request, known: Container[str]) -> dict[str, Any]:
    """The JSON object of the body, empty without one; its keys are among ``known``.

    HTTPRequestTimeout when it does not arrive in time.
    """
    try:
        async with asyncio.timeout(request.app[LIMITS].body):
            text = await request.read() if request.can_read_body else b""
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidValue(f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidValue("the body must be a JSON object")
    to_json(value, "the body")
    for key in value:
        if key not in known:
            raise InvalidValue(f"the body has an unknown key {key!r}")
    return value


def text_in(body: dict[str, Any], key: str) -> str | None:
    """An optional string of the body."""
    value = body.get(key)
    if value is not None and not isinstance(value, str):
        raise InvalidValue(f"{key} must be a string")
    return value


def length_in(body: dict[str, Any], key: str) -> timedelta | None:
    """An optional length of time of the body, more than nothing."""
    text = text_in(body, key)
    return None if text is None else timedelta(milliseconds=span_ms(text, key))


def flag_in(body: dict[str, Any], key: str) -> bool:
    """An optional boolean of the body."""
    value = body.get(key, False)
    if not isinstance(value, bool):
        raise InvalidValue(f"{key} must be true or false")
    return value


def params_in(body: dict[str, Any]) -> dict[str, str] | None:
    """The parameters of a run: strings by name, as a script can get them."""
    params = body.get("params")
    if params is None:
        return None
    if not isinstance(params, dict) or not all(isinstance(value, str) for value in params.values()):
        raise InvalidValue("params must be an object of strings")
    param_variables(params)
    return params


def _whole(text: str | None, what: str, maximum: int) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= maximum):
        raise InvalidValue(f"{what} must be a whole number from 1 to {maximum}, not {text!r}")
    return int(text)
