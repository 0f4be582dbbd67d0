"""``token``: who may ask the server for what, from elsewhere and on this machine."""

from contextlib import closing
from typing import TYPE_CHECKING

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app, utc_option
from jeeves_runner.cli.formats import ago
from jeeves_runner.cli.syntax import Group
from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.durations import End
from jeeves_runner.core.instants import later_end
from jeeves_runner.db import tokens
from jeeves_runner.db.nudge import announced_transaction

if TYPE_CHECKING:
    from datetime import datetime

    from jeeves_runner.views.access import NewTokenDocument, TokenDocument


@click.group("token", cls=Group, invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context) -> None:
    """Make, list and revoke the tokens that the server takes. Alone: `token list`.

    Without tokens, programs of this machine's user read and operate, and nothing else gets in. The first
    token of role operate takes that from them: from then on operating takes a token, over HTTP; these
    commands go on.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_tokens)


@command.command("create")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([str(role) for role in TokenRole]),
    default=str(TokenRole.READ),
    show_default=True,
    help="What it allows: to look at everything, or to act as well.",
)
@click.option("--expires", metavar="TIME", help="When it ceases to count: a time, or a length such as 90d.")
@json_option
@utc_option
@pass_app
def create(app: App, name: str, role: str, expires: str | None) -> None:
    """Make a token of that NAME, and print it, this once.

    jeeves-runner token create grafana --expires 90d
    """
    now = app.clock.now()
    until = None if expires is None else _end(app, expires, now)
    _ = app.project  # no database is made where there is none
    with closing(app.connect_declared(create=True)) as conn:
        had_one = tokens.any_token(conn, TokenRole.OPERATE)
        with announced_transaction(conn, app.clock) as tx:
            made = tokens.create(tx, name, TokenRole(role), until=until, by=app.actor)
        row = next(row for row in tokens.tokens(conn, app.clock.now()) if row.name == name)
    if app.json:
        document: NewTokenDocument = {
            "token": made,
            "name": name,
            "role": role,
            "expires_at": row.expires_at,
        }
        app.print_json(document)
        return
    app.print(made)
    app.warn("this is the only time that the token is shown; keep it where secrets are kept")
    if role == TokenRole.OPERATE and not had_one:
        app.warn("from now on operating over HTTP takes a token, on this machine, too")


@command.command("list")
@json_option
@utc_option
@pass_app
def list_tokens(app: App) -> None:
    """List the tokens, and when each was last used."""
    from jeeves_runner.views.access import tokens_view

    with closing(app.connect()) as conn:
        now = app.clock.now()
        document = tokens_view(conn, now)
    if app.json:
        app.print_json(document)
    elif document["tokens"]:
        app.print_table(
            ("TOKEN", "ROLE", "CREATED", "BY", "LAST USED", "EXPIRES"),
            [
                (
                    token["name"],
                    token["role"],
                    ago(token["created_at"], now),
                    token["created_by"],
                    _last_use_of(token, now),
                    _end_of(token, now),
                )
                for token in document["tokens"]
            ],
        )
    else:
        app.print("There is no token: only programs of this machine's user reach the server.")


@command.command("revoke")
@click.argument("name", shell_complete=completion.TOKENS)
@pass_app
def revoke(app: App, name: str) -> None:
    """Let a token count for nothing from now on.

    The browsers that were let in with it are let out.
    """
    with closing(app.connect()) as conn, announced_transaction(conn, app.clock) as tx:
        tokens.revoke(tx, name, by=app.actor)
    app.print(f"Token {name} is revoked; streams that it has opened end within a minute.")


def _end(app: App, expires: str, now: "datetime") -> End:
    return later_end(expires, now, app.zone, "--expires")


def _last_use_of(token: "TokenDocument", now: "datetime") -> str:
    if token["last_used_at"] is None:
        return "never"
    # It is known to the minute, which may have begun before the token was made.
    return ago(max(token["last_used_at"], token["created_at"]), now)


def _end_of(token: "TokenDocument", now: "datetime") -> str:
    if token["expires_at"] is None:
        return "never"
    return "expired" if token["expired"] else ago(token["expires_at"], now)
