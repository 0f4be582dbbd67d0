"""``state``: read and write by hand what scripts remember between runs."""

import json
from contextlib import closing

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.formats import ago, json_text
from jeeves_runner.cli.syntax import Group, parse_json
from jeeves_runner.cli.tables import Prose
from jeeves_runner.core.values import check_name
from jeeves_runner.core.wording import printable_json
from jeeves_runner.db import state, state_list
from jeeves_runner.db.connection import snapshot, transaction


@click.group("state", cls=Group, invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context) -> None:
    """Read and write the state of scripts. Without a subcommand: list the namespaces."""
    if context.invoked_subcommand is None:
        context.invoke(list_namespaces)


@command.command("list")
@json_option
@pass_app
def list_namespaces(app: App) -> None:
    """List the namespaces."""
    from jeeves_runner.views.state import namespaces_view

    with closing(app.connect()) as opened, snapshot(opened) as conn:
        now = app.clock.now()
        document = namespaces_view(conn, now)
        if app.json:
            app.print_json(document)
            return
        rows = [(name, str(state_list.count_keys(conn, now, name))) for name in document["namespaces"]]
    if rows:
        app.print_table(("NAMESPACE", "KEYS"), rows)
    else:
        app.print("No script has stored any state yet.")


@command.command("get")
@click.argument("namespace", shell_complete=completion.NAMESPACES)
@click.argument("key", required=False)
@json_option
@pass_app
def get(app: App, namespace: str, key: str | None) -> None:
    """Show all values of NAMESPACE, or the value and items of one KEY."""
    check_name(namespace, "NAMESPACE")
    if key is None:
        _show_namespace(app, namespace)
    else:
        check_name(key, "KEY")
        _show_key(app, namespace, key)


@command.command("set")
@click.argument("namespace", shell_complete=completion.NAMESPACES)
@click.argument("key")
@click.argument("value", metavar="JSON")
@click.option("--ttl", metavar="TIME", help="Forget it after this time, such as 30s, 5m or 2d.")
@json_option
@pass_app
def set_value(app: App, namespace: str, key: str, value: str, ttl: str | None) -> None:
    """Store a JSON value under NAMESPACE and KEY; an earlier --ttl ends."""
    from jeeves_runner.client import Client

    parsed = parse_json(value, "the value")
    with Client(app.database, clock=app.clock) as client:
        client.set_state(namespace, key, parsed, ttl=ttl)
    if app.json:
        app.print_json({"ok": True})
    else:
        app.print(f"{namespace}/{key} is set.")


@command.command("delete")
@click.argument("namespace", shell_complete=completion.NAMESPACES)
@click.argument("key")
@json_option
@pass_app
def delete(app: App, namespace: str, key: str) -> None:
    """Remove the value and the items of NAMESPACE and KEY."""
    from jeeves_runner.views.state import no_state

    check_name(namespace, "NAMESPACE")
    check_name(key, "KEY")
    with closing(app.connect()) as conn, transaction(conn, app.clock) as tx:
        existed = state.delete_key(tx, namespace, key)
    if not existed:
        raise no_state(namespace, key)
    if app.json:
        app.print_json({"ok": True})
    else:
        app.print(f"{namespace}/{key} is gone.")


def _show_namespace(app: App, namespace: str) -> None:
    from jeeves_runner.views.state import namespace_view

    with closing(app.connect()) as conn:
        values = namespace_view(conn, app.clock.now(), namespace).values
    if app.json:
        app.print_json(values)
    else:
        app.print_table(("KEY", Prose("VALUE")), [(key, json_text(value)) for key, value in values.items()])


def _show_key(app: App, namespace: str, key: str) -> None:
    from jeeves_runner.views.state import key_view

    with closing(app.connect()) as conn:
        now = app.clock.now()
        document = key_view(conn, now, namespace, key)
    if app.json:
        app.print_json(document)
        return
    app.print_text(printable_json(json.dumps(document["value"], ensure_ascii=False, indent=2)))
    if document["items"]:
        app.print()
        app.print_table(
            ("ITEM", Prose("VALUE"), "UPDATED"),
            [
                (item["item_key"], json_text(item["value"]), ago(item["updated_at"], now))
                for item in document["items"]
            ],
        )
