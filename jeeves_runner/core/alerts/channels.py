"""Which channels a project has, and what is wrong with what stands for one."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from jeeves_runner.core.alerts.address import SLACK, parse
from jeeves_runner.core.wording import brief, known_words
from jeeves_runner.errors import InvalidValue

FORMS: Final = "a Slack channel's id such as C0123ABCDEF, webhook:NAME or email:ADDRESS"
"""What an address looks like, for people."""

_WEBHOOK_WORDS: Final = ("webhook", "webhooks", "web-hook", "hook")
_MAIL_WORDS: Final = ("email", "e-mail", "mail", "mailto", "smtp")
_SLACK_WORDS: Final = ("slack", "channel")
_NONE_WORDS: Final = ("none", "null", "no", "off", "never", "nobody", "false")
_PERSON: Final = "[UW][A-Z0-9]{5,31}"
_SLACK_LINK: Final = r"/(?:archives|client/\w+)/([A-Z0-9]+)"


class Channels(NamedTuple):
    """The channels of a project's config, and where people are told if a job does not say."""

    slack: bool = False
    """Whether there is Slack."""
    email: bool = False
    """Whether there is a mail server."""
    webhooks: tuple[str, ...] = ()
    """The names of the webhooks, sorted."""
    on_failure: tuple[str, ...] = ()
    """Addresses for what goes wrong."""
    on_success: tuple[str, ...] = ()
    """Addresses for what went well."""


class ChannelFault(NamedTuple):
    """Why people cannot be told at what was written."""

    code: str
    """The kind of mistake, in one word."""
    message: str
    """A sentence, to follow the key and a colon."""
    hint: str
    """What to do."""


def fault(text: str, channels: Channels) -> ChannelFault | None:
    """What is wrong with a text as an address of one of these channels; None: nothing."""
    address = parse(text)
    if address is None:
        # A URL may be a secret, as those of webhooks are.
        what = "a URL" if "://" in text else f"`{brief(text)}`"
        return ChannelFault("wrong_value", f"{what} is no channel", _meant(text, channels))
    if address.kind == "webhook" and address.name not in channels.webhooks:
        hint = f"add `notifications: {{webhooks: {{{address.name}: {{url: URL}}}}}}` to the config"
        if channels.webhooks:
            hint = known_words(address.name, channels.webhooks, "webhooks of the config")
        return ChannelFault("unknown_channel", f"there is no webhook `{address.name}`", hint)
    if address.kind == "slack" and not channels.slack:
        hint = "add `notifications: {slack: {token_path: PATH}}` to the config"
        return ChannelFault("unknown_channel", f"{text} is in Slack, and the config names none", hint)
    if address.kind == "email" and not channels.email:
        hint = "add `notifications: {email: {host: HOST, from: ADDRESS}}` to the config"
        message = f"{brief(text)} needs a mail server, and the config names none"
        return ChannelFault("unknown_channel", message, hint)
    return None


def check_channel(text: str, channels: Channels) -> None:
    """InvalidValue unless people can be told at an address."""
    if (wrong := fault(text, channels)) is not None:
        raise InvalidValue(wrong.message, hint=wrong.hint)


def _meant(text: str, channels: Channels) -> str:
    """What to write instead: the nearest address, else how they look."""
    for guess in _guesses(text.strip(), channels):
        if parse(guess) is not None:
            return f"write {guess}"
    if "://" in text:
        return (
            "name it in the config, `notifications: {webhooks: {NAME: {url: URL}}}`, and write webhook:NAME"
        )
    if text.strip().lower() in _NONE_WORDS:
        return "write null, without quotes, for none"
    if re.fullmatch(_PERSON, text.lstrip("@")):
        return "people are told in a channel: write the id of their conversation with the app, D0123ABCDEF"
    head = text.partition(":")[0].strip().lower() if ":" in text else ""
    if head in _MAIL_WORDS:
        return "write email: and the whole address, such as email:ops@example.org"
    if text.lstrip().startswith(("#", "@")) or head in _SLACK_WORDS:
        return (
            "write its id, such as C0123ABCDEF: Slack shows it at the end of what it tells about the channel"
        )
    return f"write {FORMS}"


def _guesses(text: str, channels: Channels) -> Iterator[str]:
    if "://" in text:
        if found := re.search(_SLACK_LINK, text):
            yield found[1]
        return
    head, colon, rest = text.partition(":")
    head, rest = head.strip().lower(), rest.strip()
    if colon and head in _WEBHOOK_WORDS:
        yield f"webhook:{re.sub(r'[^a-z0-9._-]+', '-', rest.lower()).strip('-._')}"
    if colon and head in _MAIL_WORDS:
        yield f"email:{rest}"
    if colon and head in _SLACK_WORDS and any(map(str.isdigit, rest)):
        yield rest.lstrip("#").upper()
    bare = text.lstrip("#@")
    if re.fullmatch(SLACK, bare.upper()) and any(map(str.isdigit, bare)):
        yield bare.upper()
    if text.lower() in channels.webhooks:
        yield f"webhook:{text.lower()}"
    yield f"email:{text}"
