"""``state``: what scripts remember between runs, read and written by hand."""

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.core.values import check_name
from jeeves_runner.errors import NotFound

if TYPE_CHECKING:
    from jeeves_runner.db.state import StateItem

_SEE_LIST = "`jeeves-runner state list` shows what there is"


@click.group("state", invoke_without_command=True)
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
    from jeeves_runner.db import state

    with closing(app.connect()) as conn:
        now = app.clock.now()
        names = state.namespaces(conn, now)
        if app.json:
            app.print_json({"namespaces": names})
            return
        rows = [(name, str(len(state.values(conn, now, name)))) for name in names]
    if rows:
        app.print_table(("NAMESPACE", "KEYS"), rows)
    else:
        app.print("No script has stored any state yet.")


@command.command("get")
@click.argument("namespace")
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
@click.argument("namespace")
@click.argument("key")
@click.argument("value", metavar="JSON")
@click.option("--ttl", metavar="TIME", help="Forget it after this time, such as 30s, 5m or 2d.")
@json_option
@pass_app
def set_value(app: App, namespace: str, key: str, value: str, ttl: str | None) -> None:
    """Store a JSON value under NAMESPACE and KEY; an earlier --ttl ends."""
    from jeeves_runner.cli.json_argument import parse_json
    from jeeves_runner.client import Client

    parsed = parse_json(value, "the value")
    with Client(app.config.db_path, clock=app.clock) as client:
        client.set_state(namespace, key, parsed, ttl=ttl)
    if app.json:
        app.print_json({"ok": True})
    else:
        app.print(f"{namespace}/{key} is set.")


@command.command("delete")
@click.argument("namespace")
@click.argument("key")
@json_option
@pass_app
def delete(app: App, namespace: str, key: str) -> None:
    """Remove the value and the items of NAMESPACE and KEY."""
    from jeeves_runner.db import state
    from jeeves_runner.db.connection import transaction

    check_name(namespace, "NAMESPACE")
    check_name(key, "KEY")
    with closing(app.connect()) as conn, transaction(conn, app.clock) as tx:
        existed = state.delete_key(tx, namespace, key)
    if not existed:
        raise _no_key(namespace, key)
    if app.json:
        app.print_json({"ok": True})
    else:
        app.print(f"{namespace}/{key} is gone.")


def _show_namespace(app: App, namespace: str) -> None:
    from jeeves_runner.db import state

    with closing(app.connect()) as conn:
        values = state.values(conn, app.clock.now(), namespace)
    if not values:
        raise NotFound(f"there is no state in namespace {namespace}", hint=_SEE_LIST)
    if app.json:
        app.print_json(values)
    else:
        app.print_table(("KEY", "VALUE"), [(key, _text(value)) for key, value in values.items()])


def _show_key(app: App, namespace: str, key: str) -> None:
    from jeeves_runner.core.values import Expect
    from jeeves_runner.db import state
    from jeeves_runner.db.connection import snapshot

    with closing(app.connect()) as opened, snapshot(opened) as conn:
        now = app.clock.now()
        value = state.get_value(conn, now, namespace, key)
        items = state.items(conn, now, namespace, key)
    if value is Expect.MISSING:
        if not items:
            raise _no_key(namespace, key)
        value = None
    if app.json:
        app.print_json({"value": value, "items": [_item_json(i) for i in items], "count": len(items)})
        return
    app.print(json.dumps(value, ensure_ascii=False, indent=2))
    if items:
        app.print()
        app.print_table(
            ("ITEM", "VALUE", "UPDATED"), [(i.item_key, _text(i.value), i.updated_at) for i in items]
        )


def _item_json(item: "StateItem") -> dict[str, Any]:
    return {"itemKey": item.item_key, "value": item.value, "updatedAt": item.updated_at}


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _no_key(namespace: str, key: str) -> NotFound:
    return NotFound(f"there is no state {namespace}/{key}", hint=_SEE_LIST)
