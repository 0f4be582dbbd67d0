"""How requests for pages are taken, and how people are told what is wrong with one: by a page."""

from typing import Final

from aiohttp import web

from jeeves_runner.api.manner import Manner
from jeeves_runner.api.parameters import Parser
from jeeves_runner.api.problems import CHALLENGED_BY, HttpProblem
from jeeves_runner.dashboard.forms import FormReader
from jeeves_runner.dashboard.places import FIRST, own_place
from jeeves_runner.dashboard.render import render
from jeeves_runner.dashboard.shell import WAYS, Way
from jeeves_runner.dashboard.showing import html
from jeeves_runner.dashboard.theme import theme_of


def tell(problem: HttpProblem, request: web.Request) -> web.Response:
    """The page of a problem. Where a token, or another one, would help, it has the form for one, which leads
    to what was asked for. A request with the header counts by that, also after a login."""
    may_log_in = CHALLENGED_BY in problem.headers and "Authorization" not in request.headers
    place = own_place(request.raw_path) if request.method == "GET" else FIRST
    made = render(
        "problem.html",
        theme=theme_of(request.cookies),
        problem=problem,
        may_log_in=may_log_in,
        next=place,
        way=_way(request.path),
    )
    answer = html(made.body, problem.status)
    answer.headers.update(problem.headers)
    return answer


def _way(path: str) -> Way | None:
    """The page that lists what was asked for; None: it is that page itself, or there is none."""
    return next((way for way in WAYS if way.path != FIRST and path.startswith(f"{way.path}/")), None)


PEOPLE: Final = Manner(query=Parser, body=FormReader, tell=tell)
"""Unknown parameters are refused, as everywhere, bodies are forms, and errors are pages."""
