"""The last message of a session in its whole length, which the gateway gives over its WebSocket alone.

Over HTTP it cuts texts. Beyond this machine the socket wants a paired device: then the cut text has to do.
"""

import asyncio
import json
from typing import Final

import aiohttp

from jeeves_runner.core.values import parse_json
from jeeves_runner.execute.session.answers import Details, Message, message_of
from jeeves_runner.execute.session.gateway import Gateway, GatewayFault, Unreachable

MAX_TEXT: Final = 16 * 1024 * 1024
"""Bytes of the longest message of the socket that is taken."""

_PATIENCE: Final = 30.0
"""Seconds for all of it."""
_CLIENT: Final = {"id": "gateway-client", "version": "1", "platform": "linux", "mode": "backend"}


async def whole_answer(gateway: Gateway, key: str) -> Message | None:
    """The session's last message; None if the gateway does not give it here."""
    try:
        token = await gateway.token()
        async with asyncio.timeout(_PATIENCE), gateway.socket(MAX_TEXT) as socket:
            await _answer(socket, "connect.challenge")
            await _ask(socket, "1", "connect", _hello(token))
            payload = await _ask(socket, "2", "sessions.get", {"key": key, "limit": 1})
    except (GatewayFault, TimeoutError):
        return None
    messages = payload.get("messages")
    return message_of(messages[-1]) if isinstance(messages, list) and messages else None


def _hello(token: str) -> Details:
    return {
        "minProtocol": 3,  # that of 2026.4
        "maxProtocol": 4,
        "client": _CLIENT,
        "role": "operator",
        "scopes": ["operator.read"],
        "caps": [],
        "auth": {"token": token},
    }


async def _ask(socket: aiohttp.ClientWebSocketResponse, number: str, method: str, params: Details) -> Details:
    """The payload of the answer. Raises Unreachable for a refusal."""
    request = {"type": "req", "id": number, "method": method, "params": params}
    await socket.send_str(json.dumps(request))
    answer = await _answer(socket, number)
    payload = answer.get("payload")
    if answer.get("ok") is not True or not isinstance(payload, dict):
        raise Unreachable(f"the gateway refuses {method}")
    return payload


async def _answer(socket: aiohttp.ClientWebSocketResponse, wanted: str) -> Details:
    """The next frame that is the answer to a request of this number, or the event of this name."""
    while True:
        message = await socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise Unreachable("the gateway has closed the socket")
        try:
            frame = parse_json(message.data)
        except (ValueError, RecursionError):
            continue
        if isinstance(frame, dict) and wanted in (frame.get("id"), frame.get("event")):
            return frame
