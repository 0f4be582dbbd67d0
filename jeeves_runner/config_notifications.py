"""The settings of how people are told: Slack, webhooks, mail, heartbeats, and where in the web we are."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

from jeeves_runner.config_kinds import Choice, Interval, Text, Whole
from jeeves_runner.config_secrets import (
    WEBHOOK_EXAMPLE,
    BaseUrl,
    KeyFile,
    PasswordFile,
    SecretFile,
    TokenFile,
    UrlFile,
    WebUrl,
    missing_token,
    missing_variable,
)
from jeeves_runner.config_settings import Given, Kind, Place, Section, Sections, wrong_value
from jeeves_runner.core.alerts.address import Tls
from jeeves_runner.core.problem import Finding, KeyPath
from jeeves_runner.core.urls import PING_EXAMPLE, can_be_host, is_loopback
from jeeves_runner.core.wording import brief

if TYPE_CHECKING:
    from jeeves_runner.core.alerts.channels import Channels

SLACK_VARIABLE: Final = "SLACK_BOT_TOKEN"
"""The variable of the runner's environment that has Slack's token where no file does."""

_PORTS: Final[Mapping[Tls, int]] = {"starttls": 587, "tls": 465, "none": 25}
"""The usual ones: see RFC 8314."""


class Addresses(Kind):
    """Where people are told: an address or a list of them, held as a tuple."""

    def __init__(self, meaning: str) -> None:
        one = {"type": "string", "minLength": 1, "x-expected": "a channel as text"}
        form = {"anyOf": [one, {"type": "array", "items": one}]}
        super().__init__(meaning, form, "a channel such as C0123ABCDEF or webhook:NAME, or a list of them")

    def schema(self, default: Any) -> dict[str, Any]:
        return super().schema(None)

    def read(self, written: Any, root: Path) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_listed(written)))

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        # Every command reads the config, and few have channels in theirs.
        from jeeves_runner.core.alerts.channels import Channels, fault

        beside = given.values
        channels = Channels("slack" in beside, "email" in beside, tuple(sorted(beside.get("webhooks", ()))))
        for number, text in enumerate(_listed(written)):
            if (wrong := fault(text, channels)) is not None:
                path: KeyPath = place if written is text else (*place, number)
                message = f"`{'.'.join(place)}`: {wrong.message}"
                yield wrong_value(path, message, wrong.hint)


class HostName(Text):
    """The name or address of another machine."""

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        is_plain = written.isascii() and written.isprintable() and not set(written) & set(" /@?#[]\\")
        # Of what has a colon, only an address of IPv6 is a host; others have their port there.
        if not is_plain or written.count(":") == 1 or not can_be_host(written):
            message = f"`{'.'.join(place)}` must be the name of a host, not {brief(written)}"
            yield wrong_value(place, message, "write it like smtp.example.org; the port stands in `port`")


class Mailbox(Text):
    """The address of a mailbox."""

    suffix = "_address"

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        from jeeves_runner.core.alerts.address import parse

        if parse(f"email:{written}") is None:
            message = f"`{'.'.join(place)}` must be a mail address, not {brief(written)}"
            yield wrong_value(place, message, "write it like jobs@example.org, without a name beside it")


class Template(Kind):
    """The body of a webhook. It may hold what is secret: some services want their key there."""

    def __init__(self, meaning: str) -> None:
        super().__init__(meaning, {"type": "object"}, 'a mapping such as {text: "{{ title }}"}')

    def shown(self, value: Any) -> Any:
        return value if value is None else dict.fromkeys(value, "***")

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        from jeeves_runner.core.alerts.body import template_faults

        for wrong in template_faults(written, given.values.get("secrets", ())):
            message = f"`{'.'.join(place)}`: {wrong.message}"
            yield wrong_value((*place, *wrong.path), message, wrong.hint)


class OneUrl(Section):
    """A section that has its URL, as ``url`` or in the file that ``url_path`` names."""

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        yield from _one_url(place, written)
        yield from super().findings(place, written, given)


class Webhooks(Sections):
    """Webhooks by name."""

    def __init__(self, meaning: str) -> None:
        super().__init__(WebhookConfig, meaning, '{ops: {url: "https://ntfy.sh/TOPIC"}}')
        # Who writes another thing here has most likely written the URL.
        one = self._schema["additionalProperties"]
        self._schema["x-secret"] = one["x-secret"] = True
        one["examples"] = [{"url": "https://ntfy.sh/TOPIC"}]

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        for name, webhook in written.items():
            yield from _one_url((*place, name), webhook)
        yield from super().findings(place, written, given)


def _one_url(place: Place, written: Mapping[str, Any]) -> Iterator[Finding]:
    name = ".".join(place)
    if "url" in written and "url_path" in written:
        message = f"`{name}` has its URL twice, in `url` and in `url_path`"
        yield wrong_value((*place, "url_path"), message, "keep one of the two")
    elif "url" not in written and "url_path" not in written:
        hint = "write it as `url`, or name a file that holds it by `url_path`: a URL is often a secret"
        yield wrong_value(place, f"`{name}` needs a URL", hint)


class SlackConfig(NamedTuple):
    """The app by which people are told in Slack."""

    token_path: Annotated[
        Path | None,
        TokenFile(f"A file with the app's bot token; by default the variable {SLACK_VARIABLE} has it."),
    ] = None
    base_url: Annotated[
        str, BaseUrl("Where the methods of Slack's web API are.", "https://slack.com/api")
    ] = "https://slack.com/api"


class Slack(Section):
    """Slack, which needs a token."""

    def warnings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        yield from super().warnings(place, written, given)
        yield from missing_token(place, (*place, "token_path"), written, SLACK_VARIABLE)


class SecretConfig(NamedTuple):
    """Where a secret stands. It has one of the two."""

    file: Annotated[Path | None, SecretFile("A file with the secret and nothing else.")] = None
    from_env: Annotated[str | None, Text("The variable of the server that holds it.")] = None


class Secrets(Sections):
    """The secrets of a template, by name."""

    def __init__(self, meaning: str) -> None:
        super().__init__(SecretConfig, meaning, "{key: {file: secrets/key}}")
        one = self._schema["additionalProperties"]
        # Who writes a text there has written the secret itself.
        one |= {"x-expected": "{file: PATH} or {from_env: VARIABLE}", "x-secret": True}
        one["examples"] = [{"file": "secrets/key"}]

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        for name, secret in written.items():
            if len(secret) != 1:
                its_place = (*place, name)
                message = f"`{'.'.join(its_place)}` needs one of `file` and `from_env`"
                yield wrong_value(its_place, message, "write {file: PATH} or {from_env: VARIABLE}")
        yield from super().findings(place, written, given)

    def warnings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        from jeeves_runner.core.alerts.body import SECRET, names_in

        yield from super().warnings(place, written, given)
        named = set(names_in(given.values.get("template")))
        for name, secret in written.items():
            its_place = (*place, name)
            if SECRET + name not in named:
                message = f"`{'.'.join(its_place)}` is not used: the template does not name it"
                yield wrong_value(
                    its_place, message, f'write "{{{{ {SECRET}{name} }}}}" where it is to stand'
                )
            if "from_env" in secret:
                yield from missing_variable((*its_place, "from_env"), secret["from_env"])


class WebhookConfig(NamedTuple):
    """A URL that is told by a POST. It has either ``url`` or ``url_path``."""

    url: Annotated[str | None, WebUrl("Where it is, as http:// or https://.", WEBHOOK_EXAMPLE)] = None
    url_path: Annotated[Path | None, UrlFile("A file with that URL alone, in the place of `url`.")] = None
    secret_path: Annotated[
        Path | None, KeyFile("A file with the key that what is sent is signed with; unsigned by default.")
    ] = None
    template: Annotated[
        Mapping[str, object] | None,
        Template("The JSON that is sent, where texts can name parts of the message; all of it by default."),
    ] = None
    secrets: Annotated[
        Mapping[str, SecretConfig],
        Secrets("Secrets that the template can name."),
    ] = MappingProxyType({})


class EmailConfig(NamedTuple):
    """The mail server that takes messages."""

    host: Annotated[str, HostName("The name of the mail server.")]
    from_address: Annotated[str, Mailbox("The address that mails are from.")]
    port: Annotated[
        int | None, Whole("Its port; by default 587, with `tls: tls` 465, with `tls: none` 25.", 1, 65535)
    ] = None
    username: Annotated[str | None, Text("Who logs in; by default there is no login.")] = None
    password_path: Annotated[Path | None, PasswordFile("A file with the password of `username`.")] = None
    tls: Annotated[
        Tls, Choice(Tls, "starttls: encrypted once connected; tls: from the first byte; none: not at all.")
    ] = "starttls"

    @property
    def port_in_use(self) -> int:
        """``port``, or the usual one."""
        return _PORTS[self.tls] if self.port is None else self.port


class Email(Section):
    """Mail, where a user and a password go together."""

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        pair = ("username", "password_path")
        for key, other in (pair, pair[::-1]):
            if key in written and other not in written:
                message = f"`{'.'.join((*place, key))}` needs `{other}` beside it"
                hint = f"add `{other}`, or take `{key}` out: then there is no login"
                yield wrong_value((*place, key), message, hint)
        yield from super().findings(place, written, given)

    def warnings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        yield from super().warnings(place, written, given)
        if written.get("tls") == "none" and not is_loopback(written["host"]):
            what = "password and mails" if "username" in written else "mails"
            way = f"{what} can be read on the way to {written['host']}"
            message = f"`{'.'.join((*place, 'tls'))}` is none: {way}"
            yield wrong_value((*place, "tls"), message, "use starttls or tls, which most servers have")


class NotificationsConfig(NamedTuple):
    """Where people are told."""

    slack: Annotated[
        SlackConfig | None,
        Slack(SlackConfig, "The app by which people are told in Slack.", "{token_path: secrets/slack-token}"),
    ] = None
    """None: there is no Slack."""
    default_on_failure: Annotated[
        tuple[str, ...], Addresses("Where what goes wrong is told, of jobs without `on_failure` and of none.")
    ] = ()
    default_on_success: Annotated[
        tuple[str, ...], Addresses("Where successes are told, of jobs without `on_success`.")
    ] = ()
    webhooks: Annotated[
        Mapping[str, WebhookConfig],
        Webhooks("URLs that are told by a POST, by name."),
    ] = MappingProxyType({})
    email: Annotated[
        EmailConfig | None,
        Email(
            EmailConfig,
            "The mail server that takes messages.",
            "{host: smtp.example.org, from: jobs@example.org}",
            required=("host", "from"),
        ),
    ] = None
    """None: there is no mail server."""

    @property
    def variables(self) -> frozenset[str]:
        """The variables of the runner that hold its own secrets by these settings: no job inherits them."""
        secrets = (secret for webhook in self.webhooks.values() for secret in webhook.secrets.values())
        return frozenset(each.from_env for each in secrets if each.from_env is not None)

    @property
    def channels(self) -> "Channels":
        """What manifests can name, and what holds where they name nothing."""
        from jeeves_runner.core.alerts.channels import Channels

        return Channels(
            slack=self.slack is not None,
            email=self.email is not None,
            webhooks=tuple(sorted(self.webhooks)),
            on_failure=self.default_on_failure,
            on_success=self.default_on_success,
        )


class HeartbeatConfig(NamedTuple):
    """What hears from the runner while it is well. It has either ``url`` or ``url_path``, or neither."""

    url: Annotated[str | None, WebUrl("What is called, as http:// or https://.", PING_EXAMPLE)] = None
    url_path: Annotated[Path | None, UrlFile("A file with that URL alone, in the place of `url`.")] = None
    every_ms: Annotated[int, Interval("How often it is called.")] = 60_000


def _listed(written: str | list[str]) -> list[str]:
    return [written] if isinstance(written, str) else written
