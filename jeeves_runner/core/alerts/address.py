"""Addresses of channels, as manifests and the config name them, and how mail gets to its server."""

import re
from typing import Final, Literal, NamedTuple

from jeeves_runner.core.values import ID_PATTERN

Kind = Literal["slack", "webhook", "email"]

Tls = Literal["starttls", "tls", "none"]
"""How the connection to a mail server is encrypted: once it stands, from the first byte, or not at all."""

# Not compiled here: every command reads the config, and few of them meet an address.
SLACK: Final = "[CDG][A-Z0-9]{5,31}"
"""The id of a Slack channel, or of a conversation of a few."""
WEBHOOK: Final = f"webhook:(?P<name>{ID_PATTERN})"
EMAIL: Final = r"email:(?P<name>[^\s@,;:<>\"()\\\[\]]{1,64}@[A-Za-z0-9.-]{1,253})"


class Address(NamedTuple):
    """Where people are told."""

    kind: Kind
    """Which sort of channel."""
    name: str
    """Slack's id, the name of a webhook of the config, or the address of a mailbox."""


def parse(text: str) -> Address | None:
    """What a text names; None if it is no address."""
    if re.fullmatch(SLACK, text):
        return Address("slack", text)
    if found := re.fullmatch(WEBHOOK, text):
        return Address("webhook", found["name"])
    if found := re.fullmatch(EMAIL, text):
        return Address("email", found["name"])
    return None
