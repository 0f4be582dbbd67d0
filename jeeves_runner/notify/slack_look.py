"""A look at a workspace of Slack: whether it takes the token, and what the app may do there."""

import asyncio
from typing import Any, Final, NamedTuple

from jeeves_runner.notify.slack import Slack
from jeeves_runner.notify.slack_errors import FAULTS

_WHOLE: Final = 20.0
"""Seconds that the look may take."""


class Workspace(NamedTuple):
    """What Slack says of a token."""

    bot: str
    """Who it is there."""
    team: str
    """The workspace's name."""
    scopes: frozenset[str] | None
    """What the app may do; None: Slack has not said."""


async def look_at(slack: Slack) -> Workspace:
    """Ask Slack who this is (``auth.test``); nothing is posted. NotSent, and Rejected where it does not take
    the token, or there is none."""
    client = await slack.client()
    try:
        async with asyncio.timeout(_WHOLE):
            answer: Any = await client.auth_test()
        return Workspace(str(answer.get("user")), str(answer.get("team")), _scopes(answer))
    except FAULTS as fault:
        raise slack.judged(fault) from None


def _scopes(answer: Any) -> frozenset[str] | None:
    headers = answer.headers or {}
    said = next((value for name, value in headers.items() if name.lower() == "x-oauth-scopes"), None)
    return None if said is None else frozenset(each.strip() for each in str(said).split(",") if each.strip())
