"""What scripts keep from one run to the next: namespaces, keys, and the value and the items of a key."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, NamedTuple

import apsw
from aiohttp import web

from jeeves_runner.api.parameters import Cursor, Name, Text
from jeeves_runner.api.requests.state import NamespacePath, StatePath
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.dashboard.showing import Sheet, show
from jeeves_runner.dashboard.shown_values import ShownValue, plain, shown_value
from jeeves_runner.db import state_lines
from jeeves_runner.db.lineage_list import RunOrigin, origins
from jeeves_runner.db.state import count_items
from jeeves_runner.db.state_lines import KeyLine, Namespace, Owner, ValueLine
from jeeves_runner.views.state import item_cursor, item_place, namespaces_view, no_namespace, no_state

_NAMESPACES: Final = 50
_KEYS: Final = 100
_ITEMS: Final = 100
"""How many stand on a page."""

_HERE: Final = "/state"
_LIVE: Final = ("other", "run")


class NamespacesPageQuery(NamedTuple):
    """Which namespaces to show."""

    cursor: Annotated[str | None, Name()] = None
    """The last one of the page before; None: from the first."""


class KeysPageQuery(NamedTuple):
    """Which keys to show."""

    prefix: Annotated[str, Text()] = ""
    """What they begin with."""
    cursor: Annotated[str | None, Name()] = None
    """The last one of the page before; None: from the first."""


class ItemsPageQuery(NamedTuple):
    """Which items to show."""

    cursor: Annotated[str | None, Cursor()] = None
    """Where the page begins; None: with the newest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamespacesPage:
    """The namespaces."""

    rows: Sequence[Namespace]
    """Some of them, by name."""
    owners: Mapping[str, Owner]
    """The jobs of these."""
    cursor: str | None
    """After which one they begin; None: from the first."""
    next_cursor: str | None
    """Where the next page begins, if others follow."""


class Shown(NamedTuple):
    """A value."""

    line: ValueLine
    """What it is."""
    value: ShownValue
    """What of it is shown."""
    writer: RunOrigin | None
    """The run that wrote it last."""


class ShownKey(NamedTuple):
    """A key."""

    key: KeyLine
    """What it is."""
    value: Shown | None
    """Its value; None: it has items only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeysPage:
    """The keys of a namespace."""

    namespace: str
    """Its name."""
    owner: Owner | None
    """Its job."""
    prefix: str
    """What the keys begin with."""
    keys: Sequence[ShownKey]
    """Some of them, by name."""
    cursor: str | None
    """After which one they begin; None: from the first."""
    next_cursor: str | None
    """Where the next page begins, if others follow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyPage:
    """A key, with its items."""

    namespace: str
    """Its namespace."""
    owner: Owner | None
    """That one's job."""
    key: str
    """Its name."""
    value: Shown | None
    """Its value; None: it has items only."""
    items: Sequence[Shown]
    """Some of its items, the last written first."""
    count: int
    """How many items it has."""
    cursor: str | None
    """Where these items begin; None: with the newest."""
    next_cursor: str | None
    """Where the next page begins, if others follow."""


async def namespaces(call: Call[Nothing, NamespacesPageQuery, Nothing]) -> web.Response:
    sheet = Sheet(template="state.html", title="State", here=_HERE, live=_LIVE)
    return await show(call, sheet, lambda conn, now: _namespaces(conn, now, call.query.cursor))


async def namespace(call: Call[NamespacePath, KeysPageQuery, Nothing]) -> web.Response:
    name = call.path.namespace
    sheet = Sheet(template="state_namespace.html", title=plain(name), here=_HERE, live=_LIVE)
    return await show(call, sheet, lambda conn, now: _keys(conn, now, name, call.query))


async def state_key(call: Call[StatePath, ItemsPageQuery, Nothing]) -> web.Response:
    path, cursor = call.path, call.query.cursor
    title = plain(f"{path.namespace}/{path.key}")
    sheet = Sheet(template="state_key.html", title=title, here=_HERE, live=_LIVE)
    return await show(call, sheet, lambda conn, now: _key(conn, now, path, cursor))


def _namespaces(conn: apsw.Connection, now: datetime, cursor: str | None) -> NamespacesPage:
    found = namespaces_view(conn, now, after=cursor or "", limit=_NAMESPACES)
    names = found["namespaces"]
    return NamespacesPage(
        rows=[state_lines.at_a_glance(conn, now, name) for name in names],
        owners=state_lines.owners(conn, names),
        cursor=cursor,
        next_cursor=found.get("next_cursor"),
    )


def _keys(conn: apsw.Connection, now: datetime, name: str, query: KeysPageQuery) -> KeysPage:
    found = state_lines.keys(conn, now, name, after=query.cursor or "", prefix=query.prefix, limit=_KEYS)
    is_part = query.cursor is not None or query.prefix
    if not found.rows and not (is_part and state_lines.keys(conn, now, name, limit=1).rows):
        raise no_namespace(name)
    values = _shown(conn, [each.value for each in found.rows if each.value is not None])
    by_key = {each.line.name: each for each in values}
    return KeysPage(
        namespace=name,
        owner=state_lines.owners(conn, [name]).get(name),
        prefix=query.prefix,
        keys=[ShownKey(each, by_key.get(each.key)) for each in found.rows],
        cursor=query.cursor,
        next_cursor=found.rows[-1].key if found.more else None,
    )


def _key(conn: apsw.Connection, now: datetime, path: StatePath, cursor: str | None) -> KeyPage:
    name, key = path
    value = state_lines.value(conn, now, name, key)
    after = None if cursor is None else item_place(cursor)
    items = state_lines.items(conn, now, name, key, after=after, limit=_ITEMS)
    count = count_items(conn, now, name, key)
    if value is None and not count:
        raise no_state(name, key)
    last = items.rows[-1] if items.more else None
    return KeyPage(
        namespace=name,
        owner=state_lines.owners(conn, [name]).get(name),
        key=key,
        value=None if value is None else _shown(conn, [value])[0],
        items=_shown(conn, items.rows),
        count=count,
        cursor=cursor,
        next_cursor=last and item_cursor(last.updated_at, last.name),
    )


def _shown(conn: apsw.Connection, lines: Iterable[ValueLine]) -> list[Shown]:
    found = list(lines)
    runs = origins(conn, [(each.writer, each.writer_revision) for each in found if each.writer is not None])
    return [
        Shown(
            line,
            shown_value(line.text, line.size, room=state_lines.SHOWN),
            None if line.writer is None else runs[line.writer],
        )
        for line in found
    ]
