"""``alerts``: what is wrong, what people were told of it, and whether a message arrives."""

import os
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from jeeves_runner.cli import completion, exits
from jeeves_runner.cli.alert_rows import (
    INCIDENT_HEADERS,
    MESSAGE_HEADERS,
    incident_cells,
    message_cells,
    where_told,
)
from jeeves_runner.cli.context import App, json_option, pass_app, say
from jeeves_runner.cli.rows import mute_text
from jeeves_runner.cli.server import require_server, server_of
from jeeves_runner.cli.syntax import SCREEN, Group, limit_option
from jeeves_runner.cli.terminal import Styled
from jeeves_runner.cli.waiting import Absence, look_again
from jeeves_runner.core.alerts.channels import check_channel
from jeeves_runner.core.values import PAGE
from jeeves_runner.db import alerting, audit
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.errors import NoServer, UsageError

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.db.message_list import MessageRow
    from jeeves_runner.views.alerts import AlertsDocument

_MOST: Final = 1_000
"""Rows of a list."""

_PATIENCE: Final = 60.0
"""Seconds to wait for a message on trial: a channel may take as long for a try."""

_ALL: Final = click.option("--all", "of_all", is_flag=True, help="What is over, and what was sent, too.")


@click.group("alerts", cls=Group, invoke_without_command=True)
@_ALL
@limit_option(_MOST)
@json_option
@click.pass_context
def command(context: click.Context, of_all: bool, limit: int | None) -> None:
    """Show what is wrong and what people are told of it, or try a channel. Alone: `alerts list`.

    jeeves-runner alerts test C0123ABCDEF sends a message to a channel.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_alerts, of_all=of_all, limit=limit)
    elif of_all or limit is not None:
        raise UsageError("--all and --limit go with the list of alerts alone")


@command.command("list")
@_ALL
@limit_option(_MOST)
@json_option
@pass_app
def list_alerts(app: App, of_all: bool, limit: int | None) -> None:
    """List what is wrong, newest first, and what was not sent."""
    from jeeves_runner.views.alerts import alerts_view

    with closing(app.connect()) as conn:
        now = app.clock.now()
        document = alerts_view(conn, now, all_of_them=of_all, limit=limit or (PAGE if app.json else SCREEN))
        if app.json:
            app.print_json(document)
        else:
            _print(app, conn, now, document, of_all=of_all)


def _print(
    app: App, conn: "apsw.Connection", now: datetime, document: "AlertsDocument", *, of_all: bool
) -> None:
    incidents, messages = document["incidents"], document["messages"]
    if document["muted"] is not None:
        app.print("Everything is ", Styled(mute_text(document["muted"], now), "magenta"), ".")
    if not incidents:
        app.print("Nothing has been wrong." if of_all else "Nothing is wrong.")
    else:
        app.print(Styled("Incidents" if of_all else "Wrong", "bold"))
        app.print_table(INCIDENT_HEADERS, [incident_cells(each, now) for each in incidents])
    if messages:
        app.print_heading("Messages" if of_all else "Not sent")
        app.print_table(MESSAGE_HEADERS, [message_cells(each, now) for each in messages])
    elif not of_all:
        app.print("No message waits.")
    if "next_before_incident" in document or "next_before_message" in document:
        app.print("There are more: see --limit.")
    if not incidents or not messages:
        app.print(where_told(conn, app))


@command.command("test")
@click.argument("channel", metavar="CHANNEL", shell_complete=completion.CHANNELS)
@json_option
@pass_app
def test_channel(app: App, channel: str) -> int:
    """Send a message to CHANNEL, and see it arrive.

    The server that runs sends it; the wait is a minute at most. Without a server this command sends it.

    CHANNEL is a Slack channel's id (C0123ABCDEF), webhook:NAME or email:ADDRESS. Exit code 0: it was sent.
    1: the channel does not take it. 2: the server is stopping. 3: it still waits.
    """
    check_channel(channel, app.settings.notifications.channels)
    message: Mapping[str, Any] | None = _by_server(app, channel)
    if message is None:
        from jeeves_runner.cli.trial import send_by_itself

        say("no server runs: this command sends it, with its own environment")
        message = send_by_itself(app.settings, app.clock, channel)._asdict()
    if app.json:
        app.print_json({"message": message})
    return _report(app, message["channel"], message["status"], message["error"])


def _by_server(app: App, channel: str) -> "MessageRow | None":
    """What has become of the message; None if there is no server that could send it."""
    # ``Path.exists`` raises for a folder that may not be entered; that is told where the database is opened.
    if not os.path.exists(app.database):  # noqa: PTH110
        return None
    with closing(app.connect()) as conn:
        if server_of(conn) is None:
            return None
        with announced_transaction(conn, app.clock) as tx:
            require_server(tx.conn)
            message_id = alerting.test(tx, channel)
            audit.record(tx, actor=app.actor, action="test", target=f"channel {channel}")
        return _outcome(app, conn, message_id)


def _outcome(app: App, conn: "apsw.Connection", message_id: int) -> "MessageRow":
    """The message once it is sent or given up, or as it is when patience ends. NoServer if that goes away."""
    from jeeves_runner.views.alerts import message_view

    absence, until, told = Absence(app.clock), app.clock.monotonic() + _PATIENCE, False
    while True:
        message = message_view(conn, message_id)["message"]
        if message["status"] != "pending" or app.clock.monotonic() >= until:
            return message
        if message["error"] is not None and not told:
            told = True
            say(f"not sent yet: {message['error']}; it is tried again")
        if absence.is_over(present=server_of(conn) is not None):
            raise NoServer("the server has stopped", hint="the next one sends the message")
        look_again()


def _report(app: App, channel: str, status: str, error: str | None) -> int:
    match status:
        case "sent":
            words, code = ("A message was ", Styled("sent", "green"), f" to {channel}."), exits.OK
        case "failed":
            words, code = (channel, Styled(" does not take it", "red"), f": {error}."), exits.NOT_TAKEN
        case _:
            why = error or "others come first on this channel, or it is left alone after a failure"
            more = f": {why}. `jeeves-runner alerts` shows what becomes of it."
            words, code = ("The message ", Styled("still waits", "yellow"), more), exits.STILL_WAITS
    if not app.json:
        app.print(*words)
    return code
