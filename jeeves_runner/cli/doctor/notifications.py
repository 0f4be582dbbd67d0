"""Where people are told: whether each channel of the config can be used, and if failures would be told."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Final, NamedTuple

from jeeves_runner.channels import mail_server_of, slack_of, webhook_of
from jeeves_runner.cli.formats import counted
from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
from jeeves_runner.config_notifications import EmailConfig, SlackConfig
from jeeves_runner.core.alerts.address import parse
from jeeves_runner.core.diagnosis import Diagnosis, Level
from jeeves_runner.db.connection import connect
from jeeves_runner.db.file_errors import translated
from jeeves_runner.db.message_list import Trouble, troubles
from jeeves_runner.db.outputs_in_part import InPart, outputs_in_part
from jeeves_runner.db.told_channels import told_channels
from jeeves_runner.errors import ConfigError, DatabaseError
from jeeves_runner.notify.contract import NotSent, Rejected

_HISTORY: Final = {"C": "channels:history", "G": "groups:history", "D": "im:history"}
"""By the first letter of an id, the scope by which the app may read there; private channels begin with C too,
and have that of groups."""


class _Use(NamedTuple):
    """How channels are used."""

    channels: dict[str, list[str]]
    """Those that the config and live jobs name, and by which jobs."""
    is_told: bool
    """Whether some failure would be told."""
    has_outputs: bool
    """Whether outputs are sent."""
    troubles: Sequence[Trouble] = ()
    """Those of all channels."""
    in_part: Sequence[InPart] = ()
    """Those that have not got all of an output."""


def examine_notifications(config: Config, fault: ConfigError | None, clock: Clock) -> Iterator[Diagnosis]:
    """Each kind of channel, what the jobs need of it, and which channels take nothing. Nothing is sent.
    ``fault``: what is wrong with the config, which may be its notifications."""
    told = config.notifications
    use = _use(config, clock)
    if fault is not None and not use.is_told:
        yield _found("warning", "it cannot be seen who would be told", "correct what is said of the config")
    elif not use.is_told:
        hint = "set `notifications.default_on_failure` in the config, or `on_failure` in manifests"
        yield _found("warning", "no alert would be sent: no job and no setting names a channel", hint)
    if told.slack is not None:
        yield from asyncio.run(_slack(told.slack, use, clock))
    if told.email is not None:
        yield from asyncio.run(_email(told.email))
    for name in sorted(told.webhooks):
        yield asyncio.run(_webhook(config, name, clock))
    yield from _bad_channels(use)


def _found(level: Level, message: str, hint: str | None = None) -> Diagnosis:
    return Diagnosis("notifications", level, message, hint)


def _use(config: Config, clock: Clock) -> _Use:
    told = config.notifications
    named: dict[str, list[str]] = {
        channel: [] for channel in (*told.default_on_failure, *told.default_on_success)
    }
    is_told = bool(told.default_on_failure)
    if not config.db_path.exists():
        return _Use(named, is_told, has_outputs=False)
    try:
        with translated(str(config.db_path)), closing(connect(config.db_path)) as conn:
            found = told_channels(conn)
            for channels in found:
                for channel, job_ids in channels.items():
                    named[channel] = sorted({*named.get(channel, ()), *job_ids})
            is_told = is_told or bool(found.on_failure)
            now = clock.now()
            return _Use(named, is_told, bool(found.outputs), troubles(conn, now), outputs_in_part(conn, now))
    except DatabaseError:
        return _Use(named, is_told=True, has_outputs=False)  # the look at the database tells why


async def _slack(config: SlackConfig, use: _Use, clock: Clock) -> list[Diagnosis]:
    # Its library takes long to load, and most projects have no Slack.
    from jeeves_runner.notify.slack_look import look_at

    try:
        found = await look_at(slack_of(config, clock))
    except (NotSent, Rejected) as error:
        return [_failed(error, "see `notifications.slack` and the network")]
    who = _found("ok", f"Slack takes the token: {found.bot} in {found.team}")
    if found.scopes is None:
        return [who]
    return [who, *_missing_scopes(found.scopes, use)]


def _missing_scopes(scopes: frozenset[str], use: _Use) -> Iterator[Diagnosis]:
    def missing(level: Level, scope: str, what: str) -> Diagnosis:
        hint = f"give the app the scope {scope}, and install it again"
        return _found(level, f"Slack: without {scope} {what}", hint)

    if "chat:write" not in scopes:
        yield missing("error", "chat:write", "no message can be sent")
    if use.has_outputs and "files:write" not in scopes:
        yield missing("warning", "files:write", "of a long output the beginning and the end are sent")
    addresses = (parse(channel) for channel in use.channels)
    letters = sorted({each.name[0] for each in addresses if each is not None and each.kind == "slack"})
    for letter in letters:
        wanted = {_HISTORY[letter]} | ({"groups:history"} if letter == "C" else set())
        if not wanted & scopes:
            yield missing(
                "warning",
                _HISTORY[letter],
                f"a message to {letter}… may arrive twice after a connection that broke",
            )


async def _email(config: EmailConfig) -> list[Diagnosis]:
    from jeeves_runner.notify.email import log_in

    try:
        await log_in(mail_server_of(config))
    except (NotSent, Rejected) as error:
        return [_failed(error, "see `notifications.email` and the network")]
    login = "takes the login" if config.username else "answers, and asks for no login"
    return [_found("ok", f"the mail server {config.host}:{config.port_in_use} {login}")]


async def _webhook(config: Config, name: str, clock: Clock) -> Diagnosis:
    try:
        is_signed = await webhook_of(name, config.notifications.webhooks[name], clock).check()
    except (NotSent, Rejected) as error:
        return _failed(error, "look again")
    signed = "signed" if is_signed else "unsigned"
    return _found("ok", f"webhook {name} has its URL, and what is sent is {signed}; it is not called")


def _failed(error: NotSent | Rejected, hint: str) -> Diagnosis:
    return _found("error", error.message, error.hint if isinstance(error, Rejected) else hint)


def _bad_channels(use: _Use) -> Iterable[Diagnosis]:
    for trouble in use.troubles:
        if trouble.channel not in use.channels:
            continue
        jobs = use.channels[trouble.channel]
        of = f" (of {counted(len(jobs), 'job')})" if jobs else ""
        hint = f"then `jeeves-runner alerts test {trouble.channel}` shows whether it is fixed"
        if trouble.failed:
            messages = counted(trouble.failed, "message")
            yield _found("error", f"{trouble.channel}{of} took none of {messages}: {trouble.error}", hint)
        else:
            messages = counted(trouble.waiting, "message waits", "messages wait")
            yield _found("warning", f"{trouble.channel}{of}: {messages}: {trouble.error}", hint)
    for each in use.in_part:
        outputs = counted(each.outputs, "output")
        yield _found("warning", f"{each.channel}: of {outputs} not all has arrived: {each.lacks}")
