"""Answers held to their routes: every client of the tests asks here whether what came back was declared."""

import json
import re
from functools import lru_cache

import jsonschema_rs
from support.events import check_event, events_in

from jeeves_runner.api.event_stream import CONTENT_TYPE as STREAM
from jeeves_runner.api.problems import CONTENT_TYPE
from jeeves_runner.api.route import MetricsText, Route, contents_of
from jeeves_runner.api.routes import ROUTES
from jeeves_runner.api.shapes import schema_of
from jeeves_runner.api.v0.documents import Fault, NoRoute, RefusalDocument
from jeeves_runner.api.v0.manner import BASE
from jeeves_runner.api.v0.routes import V0
from jeeves_runner.views.problems import ProblemBody

EVERY_ROUTE = (*ROUTES, *V0)

NO_ROUTE = frozenset({403, 404, 405, 408, 413, 417, 503})
"""What a request can be answered with that no route takes."""

NO_ROUTE_OF_V0 = NO_ROUTE | {400, 401, 415}
"""The same below ``/v0``, where the body is looked at first."""


def check_answer(method: str, target: str, status: int, content_type: str, text: str) -> None:
    """AssertionError unless the answer's status, type and document are those of its route, or a problem.

    ``target``: path and query. ``text``: the body; empty for HEAD.
    """
    route = route_of(method, target)
    declared = {} if route is None else route.answers
    what = f"{method} {target} -> {status} {text[:500]}"
    if status not in declared:
        is_house = re.match(rf"{BASE}(/|\?|$)", target) is None
        no_route = NO_ROUTE if is_house else NO_ROUTE_OF_V0
        assert status in (no_route if route is None else route.all_problems), f"undeclared: {what}"
        assert content_type == (CONTENT_TYPE if is_house else "application/json"), f"not a problem: {what}"
        shape: object = ProblemBody if is_house else RefusalDocument | Fault | NoRoute
    else:
        shape = declared[status]
    if method == "HEAD":
        return
    parts = contents_of(shape)
    if shape is None:
        assert text == "", f"a body where none is declared: {what}"
    elif content_type == STREAM and STREAM in parts:
        for event in events_in(text):
            check_event(event)
    elif shape is MetricsText:
        assert content_type in MetricsText.MEDIA_TYPES, f"no metrics: {what}"
    elif "text/plain" in parts:
        assert content_type == "text/plain", f"not plain text: {what}"
    else:
        assert content_type in ("application/json", CONTENT_TYPE), f"not JSON: {what}"
        assert faults(shape, json.loads(text)) == [], what


def route_of(method: str, target: str) -> Route | None:
    """The route that takes a request."""
    path = target.partition("?")[0]
    wanted = "GET" if method == "HEAD" else method
    return next(
        (route for route in EVERY_ROUTE if route.method == wanted and _pattern(route.path).fullmatch(path)),
        None,
    )


def faults(shape: object, document: object) -> list[str]:
    """What in a document is not of its type."""
    return [f"{error.instance_path}: {error.message}" for error in _validator(shape).iter_errors(document)]


@lru_cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path)))


@lru_cache
def _validator(shape: object) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(dict(schema_of(shape)))
