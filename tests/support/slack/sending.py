"""Messages as the channel of a workspace sends them."""

import asyncio
from datetime import datetime

from support.slack.double import TOKEN, Slack

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.alerts.message import Message
from jeeves_runner.notify import slack as slack_module
from jeeves_runner.notify.contract import Sent
from jeeves_runner.notify.slack import SlackChannel
from jeeves_runner.notify.token import Place, Token

CHANNEL = "C0000001"


def message(number: int = 1, **more: object) -> Message:
    return Message(f"db/{number}", "bad", f"backup failed {number}")._replace(**more)  # type: ignore[arg-type]


def send(
    slack: Slack,
    what: Message,
    *,
    channel: str = CHANNEL,
    thread: str | None = None,
    tried_at: datetime | None = None,
    token: str = TOKEN,
) -> Sent:
    place = Place("notifications.slack.token_path", None, "SLACK_BOT_TOKEN")
    workspace = slack_module.Slack(Token(place, {"SLACK_BOT_TOKEN": token}), SystemClock(), slack.url)
    return asyncio.run(SlackChannel(workspace, channel).send(what, thread=thread, tried_at=tried_at))
