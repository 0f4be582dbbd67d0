"""Operations as requests over HTTP: method, path and JSON. Values are JSON texts, and go as they are."""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from jeeves_runner.core.durations import format_duration
from jeeves_runner.core.operations import (
    NAMES,
    Claim,
    CountItems,
    Enqueue,
    Gathered,
    GetItem,
    GetState,
    ListItemKeys,
    Read,
    SetState,
    Write,
)
from jeeves_runner.core.values import Expect

_NAME_OF: Final = {kind: name for name, kind in NAMES.items()}
_MS: Final = "_ms"


class HttpRequest(NamedTuple):
    """One request, and where in its answer the result is."""

    method: str
    """Its method."""
    path: str
    """Its path and query, encoded."""
    result: str
    """Under which name the result stands in the answer's document."""
    body: str | None = None
    """Its JSON, if it has a body."""
    is_one_of_several: bool = False
    """Whether the result is the only one of a list."""


def of_read(op: Read) -> HttpRequest:
    """How to ask for it."""
    here = f"/state/{_quoted(op.namespace)}/{_quoted(op.key)}"
    match op:
        case GetState():
            return HttpRequest("GET", f"{here}/value", "value")
        case GetItem():
            return HttpRequest("GET", f"{here}/items/{_quoted(op.item_key)}", "value")
        case CountItems():
            return HttpRequest("GET", f"{here}/items?limit=0", "count")
        case ListItemKeys():
            order = "desc" if op.newest_first else "asc"
            limit = "" if op.limit is None else f"&limit={op.limit}"
            return HttpRequest("GET", f"{here}/items?order={order}{limit}", "keys")


def of_write(op: Write) -> HttpRequest:
    """How to ask for it, in a transaction of its own."""
    match op:
        case SetState():
            path = f"/state/{_quoted(op.namespace)}/{_quoted(op.key)}"
            return HttpRequest("PUT", path, "stored", _object(_members(op, "namespace", "key")))
        case Enqueue():
            path = f"/queues/{_quoted(op.queue)}/items"
            return HttpRequest("POST", path, "ids", _object(_members(op, "queue")))
        case Claim():
            path = f"/queues/{_quoted(op.queue)}/claim"
            return HttpRequest("POST", path, "items", _object(_members(op, "queue")))
    return of_all([op])._replace(is_one_of_several=True)


def of_all(ops: Sequence[Gathered]) -> HttpRequest:
    """How to ask for all of them in one transaction."""
    several = ",".join(_object([f'"op":"{_NAME_OF[type(op)]}"', *_members(op)]) for op in ops)
    return HttpRequest("POST", "/transaction", "results", f'{{"operations":[{several}]}}')


def _members(op: Write, *left_out: str) -> list[str]:
    """The members of its JSON object; what is as by default is left out, and so is what the path says."""
    members: list[str] = []
    for field, value in op._asdict().items():
        is_default = field in op._field_defaults and value == op._field_defaults[field]
        if field not in left_out and not is_default:
            name, text = _member(field, value)
            members.append(f'"{name}":{text}')
    return members


def _member(field: str, value: Any) -> tuple[str, str]:
    if field.endswith(_MS):
        return field.removesuffix(_MS), json.dumps(format_duration(value))
    match field:
        case "value":
            return field, value
        case "payloads":
            return field, f"[{','.join(value)}]"
        case "expect":
            return ("expect_missing", "true") if value is Expect.MISSING else (field, value)
        case "item_id":
            return "id", str(value)
        case "most":
            return "count", str(value)
    return field, json.dumps(value)


def _object(members: Sequence[str]) -> str:
    return f"{{{','.join(members)}}}"


def _quoted(name: str) -> str:
    """One part of a path, whatever is in it: a dot alone would mean the folder to some programs between."""
    return quote(name, safe="").replace(".", "%2E")
