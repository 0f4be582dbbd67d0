"""The channels there are, made from the config. A new kind is added here.

Their libraries take long to load, and most commands and many runners have no use for them.
"""

import os
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING

from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
from jeeves_runner.config_notifications import SLACK_VARIABLE, EmailConfig, SlackConfig, WebhookConfig
from jeeves_runner.core.alerts.address import parse
from jeeves_runner.core.alerts.compose import Links
from jeeves_runner.core.wording import brief
from jeeves_runner.notify.contract import Channel, Rejected
from jeeves_runner.notify.token import Place, Token

if TYPE_CHECKING:
    from jeeves_runner.notify.email import MailServer
    from jeeves_runner.notify.slack import Slack
    from jeeves_runner.notify.webhook import Webhook


def links_of(config: Config) -> Links:
    """Where messages lead to: this machine, this project, and its pages."""
    return Links(gethostname(), str(config.root), config.api.public_url)


class ChannelMaker:
    """Makes a channel of an address, once."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._notifications = config.notifications
        self._clock = clock
        self._made: dict[str, Channel] = {}

    def __call__(self, address: str) -> Channel:
        """The channel; in any thread. Rejected where the config has nothing by which it can be reached."""
        if address not in self._made:
            self._made[address] = self._make(address)
        return self._made[address]

    def _make(self, text: str) -> Channel:
        address, config = parse(text), self._notifications
        match address:
            case ("slack", channel) if config.slack is not None:
                return _slack(config.slack, channel, self._clock)
            case ("webhook", name) if name in config.webhooks:
                return webhook_of(name, config.webhooks[name], self._clock)
            case ("email", mailbox) if config.email is not None:
                return _email(config.email, mailbox, self._clock)
            case None:
                raise Rejected(f"{brief(text)} is no address", hint="correct the manifest or the config")
        key = {"slack": "slack", "webhook": f"webhooks.{address.name}", "email": "email"}[address.kind]
        raise Rejected(
            f"nothing can be sent to {brief(text)}",
            hint=f"add `notifications.{key}` to the config, and start the server again",
        )


def slack_of(config: SlackConfig, clock: Clock) -> "Slack":
    """The workspace."""
    from jeeves_runner.notify.slack import Slack

    token = _token("notifications.slack.token_path", config.token_path, SLACK_VARIABLE)
    return Slack(token, clock, config.base_url + "/")


def _slack(config: SlackConfig, channel: str, clock: Clock) -> Channel:
    from jeeves_runner.notify.slack import SlackChannel

    return SlackChannel(slack_of(config, clock), channel)


def webhook_of(name: str, config: WebhookConfig, clock: Clock) -> "Webhook":
    """The webhook of this name."""
    from jeeves_runner.notify.webhook import Webhook

    setting = f"notifications.webhooks.{name}"
    url = Token(Place(f"{setting}.url_path", config.url_path, text=config.url), os.environ)
    secret = None
    if config.secret_path is not None:
        secret = _token(f"{setting}.secret_path", config.secret_path, is_for_header=False)
    named = {
        key: _token(f"{setting}.secrets.{key}", each.file, each.from_env, is_for_header=False)
        for key, each in config.secrets.items()
    }
    return Webhook(name, url, secret, config.template, clock, named=named)


def mail_server_of(config: EmailConfig) -> "MailServer":
    """The mail server."""
    from jeeves_runner.notify.email import MailServer

    password = None
    if config.password_path is not None:
        password = _token("notifications.email.password_path", config.password_path, is_for_header=False)
    return MailServer(
        config.host, config.port_in_use, config.tls, config.from_address, config.username, password
    )


def _email(config: EmailConfig, mailbox: str, clock: Clock) -> Channel:
    from jeeves_runner.notify.email import Mailbox

    return Mailbox(mail_server_of(config), mailbox, clock)


def _token(
    setting: str, path: Path | None, variable: str | None = None, *, is_for_header: bool = True
) -> Token:
    return Token(Place(setting, path, variable, is_for_header=is_for_header), os.environ)
