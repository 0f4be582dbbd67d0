"""The handlers of what scripts keep from one run to the next."""

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote, urlencode

import apsw
from aiohttp import web

from jeeves_runner.api.handlers.operations import write
from jeeves_runner.api.requests import operations
from jeeves_runner.api.requests.operations import ItemBody, PruneBody, ValueBody
from jeeves_runner.api.requests.state import (
    ItemKeysQuery,
    ItemsQuery,
    KeysQuery,
    NamespacePath,
    StateItemPath,
    StatePath,
    ValuesQuery,
    WrittenItemPath,
    WrittenKeyPath,
)
from jeeves_runner.api.responses import encoded_parts
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.api.selecting import selected
from jeeves_runner.db.pages import ROOM
from jeeves_runner.views.operations import DeletedDocument, PrunedDocument, StoredDocument
from jeeves_runner.views.state import (
    item_keys_view,
    item_view,
    key_view,
    namespace_view,
    namespaces_view,
    value_view,
)


async def namespaces(call: Call[Nothing, KeysQuery, Nothing]) -> web.Response:
    query = call.query
    return await call.answer(
        lambda conn, now: namespaces_view(conn, now, after=query.cursor or "", limit=query.limit)
    )


async def namespace(call: Call[NamespacePath, ValuesQuery, Nothing]) -> web.Response:
    """The document has no place for anything but keys, so a header names the next page."""
    name, query = call.path.namespace, call.query
    following: list[str] = []

    def parts(conn: apsw.Connection, now: datetime) -> Iterator[bytes]:
        found = namespace_view(conn, now, name, after=query.cursor or "", limit=query.limit, room=ROOM)
        if found.next_cursor is not None:
            following.append(found.next_cursor)
        return encoded_parts(found.values) if query.path is None else selected(found.values, query.path)

    response = await call.answer_parts(parts)
    for cursor in following:
        asked = {"limit": query.limit, "cursor": cursor, "path": query.path}
        text = urlencode({key: value for key, value in asked.items() if value is not None})
        address = f"/state/{quote(name, safe='')}?{text}"
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


async def state_key(call: Call[StatePath, ItemsQuery, Nothing]) -> web.Response:
    path, query = call.path, call.query
    return await call.answer(
        lambda conn, now: key_view(
            conn, now, path.namespace, path.key, cursor=query.cursor, limit=query.limit, room=ROOM
        )
    )


async def state_value(call: Call[StatePath, Nothing, Nothing]) -> web.Response:
    path = call.path
    return await call.answer(lambda conn, now: value_view(conn, now, path.namespace, path.key))


async def item_value(call: Call[StateItemPath, Nothing, Nothing]) -> web.Response:
    path = call.path
    return await call.answer(lambda conn, now: item_view(conn, now, path.namespace, path.key, path.item))


async def item_keys(call: Call[StatePath, ItemKeysQuery, Nothing]) -> web.Response:
    path, query = call.path, call.query
    return await call.answer(
        lambda conn, now: item_keys_view(
            conn, now, path.namespace, path.key, limit=query.limit, newest_first=query.order == "desc"
        )
    )


async def set_value(call: Call[WrittenKeyPath, Nothing, ValueBody]) -> web.Response:
    document: StoredDocument = {"stored": await write(call, operations.set_state(call.path, call.body))}
    return await call.show(document)


async def delete_value(call: Call[WrittenKeyPath, Nothing, Nothing]) -> web.Response:
    document: DeletedDocument = {"deleted": await write(call, operations.delete_state(call.path, None))}
    return await call.show(document)


async def set_item(call: Call[WrittenItemPath, Nothing, ItemBody]) -> web.Response:
    await write(call, operations.set_item(call.path, call.body))
    document: StoredDocument = {"stored": True}
    return await call.show(document)


async def delete_item(call: Call[WrittenItemPath, Nothing, Nothing]) -> web.Response:
    document: DeletedDocument = {"deleted": await write(call, operations.delete_item(call.path, None))}
    return await call.show(document)


async def prune_items(call: Call[WrittenKeyPath, Nothing, PruneBody]) -> web.Response:
    document: PrunedDocument = {"pruned": await write(call, operations.prune_items(call.path, call.body))}
    return await call.show(document)
