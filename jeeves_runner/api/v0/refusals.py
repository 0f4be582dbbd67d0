"""What the original took and files have taken over, and what it never took: each is refused in its words."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler

from jeeves_runner.api.bodies import BodyReader
from jeeves_runner.api.handlers.jobs import where_job_is, where_jobs_are
from jeeves_runner.api.problems import HttpProblem, RefusedAs
from jeeves_runner.api.services import ApiServices
from jeeves_runner.api.v0.manner import BASE, JOB_NOT_FOUND, no_route
from jeeves_runner.errors import NotFound


class Replaced(NamedTuple):
    """A write of the original in whose place a file is edited."""

    method: str
    """Its method."""
    path: str
    """Its path, with its values in braces."""
    where: Callable[[ApiServices, Mapping[str, str]], str]
    """A sentence that names the file, given the values in the path; NotFound if there is no such job."""


class Refused(NamedTuple):
    """What is served so that it is refused."""

    method: str
    """A method, or ``*``."""
    path: str
    """As aiohttp takes it."""
    handler: Handler
    """What refuses it."""


def _where_settings_are(services: ApiServices, _path: Mapping[str, str]) -> str:
    """For those who would write settings."""
    path = services.config.path
    place = "jeeves-runner.yaml in the project root" if path is None else str(path)
    return f"settings are read from {place} when the server starts; edit it and start the server again"


REPLACED: Final = (
    Replaced("POST", f"{BASE}/jobs", where_jobs_are),
    Replaced("PATCH", f"{BASE}/jobs/{{job}}", where_job_is),
    Replaced("DELETE", f"{BASE}/jobs/{{job}}", where_job_is),
    Replaced("PUT", f"{BASE}/jobs/{{job}}/script", where_job_is),
    Replaced("POST", f"{BASE}/config/apply", _where_settings_are),
)


def refusals(services: ApiServices, body: BodyReader[Any]) -> Iterator[Refused]:
    """All of them; the last fits each path that is left."""
    for replaced in REPLACED:
        yield Refused(replaced.method, replaced.path, _told_of(replaced, services, body))
    yield Refused("*", f"{BASE}{{rest:(/.*)?}}", _turn_away)


def _told_of(replaced: Replaced, services: ApiServices, body: BodyReader[Any]) -> Handler:
    async def refuse(request: web.Request) -> web.StreamResponse:
        await body.read(request)
        try:
            where = replaced.where(services, request.match_info)
        except NotFound as error:
            raise RefusedAs(JOB_NOT_FOUND) from error
        raise RefusedAs(HttpProblem(405, "declared", where))

    return refuse


async def _turn_away(request: web.Request) -> web.StreamResponse:
    raise no_route(request)
