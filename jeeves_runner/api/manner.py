"""The manner of the routes below a base path: how strictly they take requests, and how they word errors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from jeeves_runner.api.bodies import BodyReader
from jeeves_runner.api.parameters import Parser
from jeeves_runner.api.problems import HttpProblem
from jeeves_runner.api.room import Room


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """What distinguishes routes for other clients from those of the house."""

    query: Callable[[type[Any]], Parser[Any]]
    """What makes values of a query."""
    body: Callable[[type[Any], Room, float], BodyReader[Any]]
    """What makes values of bodies."""
    tell: Callable[[HttpProblem, web.Request], web.Response]
    """What makes the answer to a request that is refused or fails."""


def _tell(problem: HttpProblem, _request: web.Request) -> web.Response:
    return problem.answer()


HOUSE: Final = Manner(query=Parser, body=BodyReader, tell=_tell)
"""Unknown parameters and keys are refused, and errors are problems (RFC 9457)."""
