"""``GET /sessions/KEY/history``: all messages of a session, with what each call of the model has cost."""

import json
from collections.abc import Mapping

from aiohttp import web
from support.gateway.looking import cut
from support.gateway.runs import Runs
from support.gateway.sessions import Message, Session

TEXT = 8_000
"""After how many characters a text is cut."""
_MARK = "\n...(truncated)..."
_KEEPALIVE = 15.0


def answer_history(session: Session, query: Mapping[str, str]) -> web.Response:
    """The last ``limit`` messages, or those before ``cursor``."""
    limit, cursor = int(query.get("limit", 200)), query.get("cursor")
    before = [each for each in session.messages if cursor is None or each["__openclaw"]["seq"] < int(cursor)]
    messages = [_shown(each) for each in before[-limit:]]
    body = {"sessionKey": session.key, "items": messages, "messages": messages}
    more = len(before) > len(messages)
    cursors = {"nextCursor": str(messages[0]["__openclaw"]["seq"])} if more else {}
    return web.json_response({**body, "hasMore": more, **cursors})


async def stream_history(request: web.Request, session: Session, runs: Runs) -> web.StreamResponse:
    """All messages, then each answer as it comes, and never an end.

    The task comes as all messages once more, and the results of tools not at all.
    """
    stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await stream.prepare(request)
    await stream.write(b"retry: 1000\n\n")
    sent = list(session.messages)
    await _send(stream, "history", _all(session))
    while True:
        if not await runs.news(lambda: len(session.messages) > len(sent), _KEEPALIVE):
            await stream.write(b": keepalive\n\n")
        for message in session.messages[len(sent) :]:
            sent.append(message)
            if message["role"] == "user":
                await _send(stream, "history", _all(session))
            elif message["role"] == "assistant":
                kept = message["__openclaw"]
                data = {"sessionKey": session.key, "message": _shown(message), "messageId": kept["id"]}
                await _send(stream, "message", {**data, "messageSeq": kept["seq"]})


def _all(session: Session) -> dict[str, object]:
    messages = [_shown(each) for each in session.messages]
    return {"sessionKey": session.key, "items": messages, "messages": messages, "hasMore": False}


async def _send(stream: web.StreamResponse, event: str, data: object) -> None:
    await stream.write(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())


def _shown(message: Message) -> Message:
    shown = cut(message, TEXT, _MARK)
    if shown is message:
        return message
    return {**shown, "__openclaw": {**shown["__openclaw"], "truncated": True, "reason": "oversized"}}
