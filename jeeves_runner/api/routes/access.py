"""The routes by which people let their browser in, and out again, and see who has done what."""

from typing import Final

from jeeves_runner.api.callers import Role
from jeeves_runner.api.handlers import access
from jeeves_runner.api.route import Route, act, look
from jeeves_runner.views.access import SessionDocument
from jeeves_runner.views.audit import AuditDocument

ACCESS: Final[tuple[Route, ...]] = (
    look(
        "/audit",
        "Who has done what, from where, and what was refused",
        access.audit,
        {200: AuditDocument},
        description=(
            "The newest first. Calls of state and queues are not in it; of what is refused, ten a minute of "
            "one sender are."
        ),
    ),
    act(
        "/login",
        "Let this browser in, with a token",
        access.login,
        {200: SessionDocument},
        description="The answer has the cookie with it. A wrong token is answered with 401, and a login "
        "by http with 400 where people come by https and the browser is on another machine.",
        problems={401, 429},
        role=Role.OPEN,
    ),
    act(
        "/logout",
        "Let this browser in no more",
        access.logout,
        {204: None},
        role=Role.OPEN,
    ),
)
