"""How requests for pages are taken, and how people are told what is wrong with one: by a page."""

from typing import Final

from aiohttp import web

from jeeves_runner.api.bodies import BodyReader
from jeeves_runner.api.manner import Manner
from jeeves_runner.api.parameters import Parser
from jeeves_runner.api.problems import HttpProblem
from jeeves_runner.dashboard.render import render
from jeeves_runner.dashboard.showing import html


def tell(problem: HttpProblem) -> web.Response:
    """The page of a problem."""
    made = render("problem.html", problem=problem)
    answer = html(made.body, problem.status)
    answer.headers.update(problem.headers)
    return answer


PEOPLE: Final = Manner(query=Parser, body=BodyReader, tell=tell)
"""Unknown parameters are refused, as everywhere, and errors are pages."""
