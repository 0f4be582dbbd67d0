"""A message on trial that the command sends by itself, where no server runs that could."""

import asyncio
from typing import Literal, NamedTuple
from uuid import uuid4

from jeeves_runner.channels import ChannelMaker, links_of
from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
from jeeves_runner.core.alerts.compose import compose
from jeeves_runner.core.alerts.telling import Telling
from jeeves_runner.core.alerts.words import Said
from jeeves_runner.notify.contract import NotSent, Rejected


class Tried(NamedTuple):
    """What has become of it."""

    channel: str
    """Where: an address."""
    said: str
    """``test``."""
    status: Literal["sent", "failed"]
    """Whether it was sent."""
    error: str | None
    """Why it was not, with what to do."""


def send_by_itself(config: Config, clock: Clock, address: str) -> Tried:
    """Try once. No database is needed, and nothing is written."""
    telling = Telling(Said.TEST, None, clock.now())
    message = compose(telling, f"{uuid4().hex}/test", links=links_of(config), database="")
    try:
        channel = ChannelMaker(config, clock)(address)
        asyncio.run(channel.send(message, thread=None, tried_at=None))
    except Rejected as error:
        return Tried(address, message.said, "failed", f"{error.message}; {error.hint}")
    except NotSent as error:
        return Tried(address, message.said, "failed", error.message)
    return Tried(address, message.said, "sent", None)
