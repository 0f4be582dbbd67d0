"""The double's WebSocket: the whole text of a session, what it has cost, and events of its task."""

import asyncio
import json
import uuid
from collections import Counter
from typing import Any

from aiohttp import WSMsgType, web
from support.gateway.mischief import Mischief
from support.gateway.sessions import Session, Sessions, now_ms
from support.gateway.settings import Settings

Frame = dict[str, Any]

_READ = "operator.read"


class Operator:
    """One connection: what is to be sent to it stands in a queue."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[Frame] = asyncio.Queue()
        self.scopes: frozenset[str] = frozenset()
        self.connected = False
        """Whether ``connect`` was accepted."""


class Sockets:
    """All connections to operators."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self._settings = settings
        self._sessions = sessions
        self._operators: set[Operator] = set()

    def tell(self, session: Session) -> None:
        """Send the session's task to all operators."""
        if not any(each.connected for each in self._operators):
            return
        task: Frame = {
            "id": session.task_id,
            "taskId": session.task_id,
            "kind": "subagent",
            "runtime": "subagent",
            "status": session.record()["status"],
            "title": session.label,
            "agentId": session.agent,
            "sessionKey": session.parent,
            "childSessionKey": session.key,
            "ownerKey": session.parent,
            "runId": session.run_id,
            "createdAt": session.accepted,
            "updatedAt": session.updated,
            "startedAt": session.started,
            "endedAt": session.ended,
        }
        task = {name: value for name, value in task.items() if value is not None}
        frame = {"type": "event", "event": "task", "payload": {"action": "upserted", "task": task}}
        for operator in self._operators:
            if operator.connected:
                operator.frames.put_nowait(frame)

    async def serve(
        self, request: web.Request, counts: Counter[str], mischief: Mischief
    ) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        operator = Operator()
        self._operators.add(operator)
        sender = asyncio.get_running_loop().create_task(_send_all(socket, operator))
        challenge = {"nonce": str(uuid.uuid4()), "ts": now_ms()}
        operator.frames.put_nowait({"type": "event", "event": "connect.challenge", "payload": challenge})
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                frame = json.loads(message.data)
                method = str(frame.get("method"))
                counts[method] += 1
                fault = mischief.take(method)
                if fault is not None and fault.kind == "hang":
                    continue
                if fault is not None:
                    assert request.transport is not None
                    request.transport.abort()
                    break
                if not await self._answer(socket, operator, frame):
                    break
        finally:
            self._operators.discard(operator)
            sender.cancel()
        return socket

    async def _answer(self, socket: web.WebSocketResponse, operator: Operator, frame: Frame) -> bool:
        """Answer one request, and tell whether the connection goes on."""
        if operator.connected:
            operator.frames.put_nowait({"type": "res", "id": frame["id"], **self._asked(operator, frame)})
            return True
        refused = self._refusal(frame)
        if refused is None:
            operator.connected = True
            if self._settings.does.tells_usage:  # an older one gives a bare token no scopes
                operator.scopes = frozenset(frame["params"].get("scopes", ()))
            server = {"version": self._settings.version}
            hello = {"type": "hello-ok", "protocol": self._settings.does.speaks, "server": server}
            operator.frames.put_nowait({"type": "res", "id": frame["id"], "ok": True, "payload": hello})
            return True
        code, message, details = refused
        error: Frame = {"code": "INVALID_REQUEST", "message": message}
        if details:
            error["details"] = {"code": details}
        await socket.send_json({"type": "res", "id": frame["id"], "ok": False, "error": error})
        await socket.close(code=code, message=message.encode())
        return False

    def _refusal(self, frame: Frame) -> tuple[int, str, str] | None:
        """The code of the close, the message and the code of its details; None where it may connect."""
        params = frame.get("params", {})
        if frame.get("method") != "connect":
            return 1008, "invalid handshake: first request must be connect", ""
        speaks = self._settings.does.speaks
        if not params.get("minProtocol", 0) <= speaks <= params.get("maxProtocol", 0):
            return 1002, "protocol mismatch", "PROTOCOL_MISMATCH"
        if params.get("auth", {}).get("token") != self._settings.token:
            words = "unauthorized: gateway token mismatch (provide gateway auth token)"
            return 1008, words, "AUTH_TOKEN_MISMATCH"
        return None

    def _asked(self, operator: Operator, frame: Frame) -> Frame:
        method, params = frame.get("method"), frame.get("params", {})
        if method not in ("sessions.get", "sessions.describe"):
            return _forbidden("operator.admin")
        if _READ not in operator.scopes:
            return _forbidden(_READ)
        session = self._sessions.get(str(params.get("key")))
        if method == "sessions.get":
            messages = session.messages[-params.get("limit", 200) :] if session else []
            return {"ok": True, "payload": {"messages": messages}}
        return {"ok": True, "payload": {"session": session and _described(session)}}


async def _send_all(socket: web.WebSocketResponse, operator: Operator) -> None:
    while True:
        await socket.send_json(await operator.frames.get())


def _described(session: Session) -> Frame:
    calls = [each["usage"] for each in session.messages if "usage" in each]
    described: Frame = {
        **session.row(),
        "spawnedBy": session.parent,
        "spawnDepth": session.depth,
        "inputTokens": sum(each["input"] for each in calls),
        "outputTokens": sum(each["output"] for each in calls),
        "startedAt": session.started,
        "endedAt": session.ended,
        "lastRunId": session.run_id,
        "modelProvider": session.model.partition("/")[0],
    }
    return {name: value for name, value in described.items() if value is not None}


def _forbidden(scope: str) -> Frame:
    details = {"code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": [scope]}
    return {
        "ok": False,
        "error": {"code": "FORBIDDEN", "message": f"missing scope: {scope}", "details": details},
    }
