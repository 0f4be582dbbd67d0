"""The handlers of what scripts keep from one run to the next."""

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote, urlencode

import apsw
from aiohttp import web

from jeeves_runner.api.requests.state import ItemsQuery, KeysQuery, NamespacePath, StatePath, ValuesQuery
from jeeves_runner.api.responses import encoded_parts
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.api.selecting import selected
from jeeves_runner.db.pages import ROOM
from jeeves_runner.views.state import key_view, namespace_view, namespaces_view


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
