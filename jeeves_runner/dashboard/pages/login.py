"""Logging in and out, also where a browser runs no scripts: a form, and where it leads."""

from http import HTTPStatus
from typing import Annotated, Final, NamedTuple

from aiohttp import web

from jeeves_runner.api.bodies import FormField
from jeeves_runner.api.handlers.access import begin_session, end_session
from jeeves_runner.api.parameters import Text
from jeeves_runner.api.problems import HttpProblem, problem_of
from jeeves_runner.api.route import AnyCall, Call, Nothing
from jeeves_runner.dashboard.places import LOGIN, own_place
from jeeves_runner.dashboard.render import render
from jeeves_runner.dashboard.showing import html
from jeeves_runner.dashboard.theme import theme_of
from jeeves_runner.errors import InvalidValue, TooManyAttempts, Unauthorized

_FORGET: Final = '"cache"'


class LoginQuery(NamedTuple):
    """What the form is to know."""

    next: Annotated[str | None, Text()] = None
    """Where it leads: a path of this server; without it the first page."""


class LoginForm(NamedTuple):
    """What the form sends. Keep the token out of texts."""

    token: Annotated[str | None, FormField()] = None
    """It must be given."""
    next: Annotated[str | None, FormField()] = None
    """Where one is led."""


async def form(call: Call[Nothing, LoginQuery, Nothing]) -> web.Response:
    return _form(call, call.query.next, None)


async def log_in(call: Call[Nothing, Nothing, LoginForm]) -> web.Response:
    """Let the browser in, lead it where it wanted to go, or show the form again."""
    place = own_place(call.body.next)
    try:
        if not (call.body.token or "").strip():
            raise InvalidValue("there is no token in the form")
        _, session = await begin_session(call, call.body.token or "")
    except (InvalidValue, Unauthorized, TooManyAttempts) as error:
        return _form(call, place, problem_of(error))
    answer = _led(place)
    call.asking.browser.let_in(answer, session)
    return answer


async def log_out(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    """Let the browser in no more, and have it forget the pages that it has kept."""
    answer = await end_session(call, _led(LOGIN))
    answer.headers["Clear-Site-Data"] = _FORGET
    return answer


def _led(place: str) -> web.Response:
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": place})


def _form(call: AnyCall, place: str | None, problem: HttpProblem | None) -> web.Response:
    theme = theme_of(call.asking.cookies)
    made = render("login.html", theme=theme, next=own_place(place), problem=problem)
    answer = html(made.body, HTTPStatus.OK if problem is None else problem.status)
    if problem is not None:
        answer.headers.update(problem.headers)
    return answer
