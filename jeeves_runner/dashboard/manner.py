"""How requests for pages are taken, and how people are told what is wrong with one: by a page."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from jeeves_runner.api.manner import Manner
from jeeves_runner.api.parameters import Parser
from jeeves_runner.api.problems import HttpProblem
from jeeves_runner.dashboard.forms import FormReader
from jeeves_runner.dashboard.places import FIRST, own_place
from jeeves_runner.dashboard.render import render
from jeeves_runner.dashboard.showing import html


def tell(problem: HttpProblem, request: web.Request) -> web.Response:
    """The page of a problem. Where a token would help, it has the form for one, which leads to what was
    asked for."""
    may_log_in = problem.status == HTTPStatus.UNAUTHORIZED
    place = own_place(request.raw_path) if request.method == "GET" else FIRST
    made = render("problem.html", problem=problem, may_log_in=may_log_in, next=place)
    answer = html(made.body, problem.status)
    answer.headers.update(problem.headers)
    return answer


PEOPLE: Final = Manner(query=Parser, body=FormReader, tell=tell)
"""Unknown parameters are refused, as everywhere, bodies are forms, and errors are pages."""
