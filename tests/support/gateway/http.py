"""The double's HTTP: its routes, which of its parts answers them, and how often each was asked."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from support.gateway.access import Access
from support.gateway.answers import MAIN, Args, BadArgument, Details
from support.gateway.faults import Fault
from support.gateway.history import answer_history, stream_history
from support.gateway.looking import Looking
from support.gateway.mischief import Mischief, carry_out
from support.gateway.runs import Runs
from support.gateway.sessions import Session, Sessions
from support.gateway.settings import Settings
from support.gateway.sockets import Sockets
from support.gateway.spawn import Spawn
from support.gateway.tasks import Tasks

DRAIN = 315.0
"""How long it waits at most for its runs before it goes."""
BODY_BYTES = 2 * 1024 * 1024

_DRAINING = {
    "error": {
        "message": "Gateway is temporarily unavailable while suspending or restarting",
        "type": "service_unavailable",
        "code": "gateway_unavailable",
    }
}


class Gateway:
    """One life of the double, from a start to the next kill. It lives in the loop in which it was made."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self._settings = settings
        self._sessions = sessions
        self._access = Access(settings)
        self._mischief = Mischief()
        self._sockets = Sockets(settings, sessions)
        self.runs = Runs(settings, sessions, self._on_change)
        self._spawn = Spawn(settings, sessions, self.runs)
        self._looking = Looking(settings, sessions)
        self._tasks = Tasks(settings, sessions, self.runs)
        self._counts: Counter[str] = Counter()
        self._transports: set[asyncio.BaseTransport] = set()
        self.draining = False

    def app(self) -> web.Application:
        app = web.Application(client_max_size=BODY_BYTES)
        app.router.add_post("/tools/invoke", self._invoke)
        app.router.add_get("/sessions/{key}/history", self._history)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/", self._socket)
        app.router.add_post("/double/faults", self._switch_on)
        app.router.add_delete("/double/faults", self._switch_off)
        app.router.add_get("/double/seen", self._seen)
        app.router.add_delete("/double/seen", self._forget)
        app.router.add_post("/double/drain", self._drain)
        return app

    def begin(self) -> None:
        """Take up what an earlier life has left, and start."""
        self.runs.take_up_left()
        if self._settings.startup:
            self._spawn.starting = True
            asyncio.get_running_loop().call_later(self.runs.later(self._settings.startup), self._started)

    async def drained(self) -> None:
        """Answer no call any more, and wait for the runs."""
        self.draining = True
        await self.runs.news(lambda: self.runs.active == 0, DRAIN)

    async def end(self) -> None:
        """End at once, as a kill does: without a word."""
        for transport in self._transports:
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
        await self.runs.close()

    def _started(self) -> None:
        self._spawn.starting = False

    def _on_change(self, session: Session) -> None:
        self._sockets.tell(session)

    # What the gateway answers

    async def _invoke(self, request: web.Request) -> web.StreamResponse:
        self._seen_on(request)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            error = {"message": "Payload too large", "type": "invalid_request_error"}
            return web.json_response({"error": error}, status=413)
        call = json.loads(body or b"{}")
        tool, args = call.get("tool") or "", call.get("args")
        args = args if isinstance(args, dict) else {}
        name = f"{tool}.{args.get('action')}" if tool == "subagents" else tool

        async def answer() -> web.Response:
            agent = call.get("agentId")
            return await self._use(
                tool, args, call.get("sessionKey") or (f"agent:{agent}:main" if agent else MAIN)
            )

        return await self._guarded(request, name, answer)

    async def _use(self, tool: str, args: dict[str, Any], parent: str) -> web.Response:
        if not tool:
            return _failure(400, "invalid_request", "tools.invoke requires name")
        if self._spawn.starting and tool != "sessions_spawn":
            return _failure(500, "tool_error", "tool execution failed")
        try:
            details = await self._details(tool, args, parent)
        except BadArgument as bad:
            return _failure(400, "tool_error", str(bad))
        if tool == "session_status" and not self._settings.does.tells_version:
            return _failure(500, "tool_error", "tool execution failed")
        if details is None:
            return _failure(404, "not_found", f"Tool not available: {tool}")
        content = [{"type": "text", "text": json.dumps(details, indent=2)}]
        return web.json_response({"ok": True, "result": {"content": content, "details": details}})

    async def _details(self, tool: str, args: Args, parent: str) -> Details | None:
        """What the tool answers; None for one that is not there. Raises ``BadArgument``."""
        match tool:
            case "sessions_spawn" if tool in self._settings.allow:
                return self._spawn.spawn(args, parent)
            case "sessions_list":
                return self._looking.list(args, parent)
            case "sessions_history":
                return self._looking.history(args, parent)
            case "session_status":
                text = f"🦞 OpenClaw {self._settings.version} (eb377ac)\nModel: fake/fake-1"
                return {"ok": True, "sessionKey": "main", "agentId": "main", "statusText": text}
            case "subagents":
                return await self._tasks.subagents(args, parent)
            case _:
                return None

    async def _history(self, request: web.Request) -> web.StreamResponse:
        self._seen_on(request)
        streams = "text/event-stream" in request.headers.get("Accept", "")
        session = self._sessions.get(request.match_info["key"])

        async def answer() -> web.Response:
            if not self._settings.does.tells_usage:
                return _failure(403, "forbidden", "missing scope: operator.read")
            if session is None:
                return _failure(404, "not_found", f"Session not found: {request.match_info['key']}")
            return answer_history(session, request.query)

        if not streams or session is None:
            return await self._guarded(request, "history", answer)
        refused = await self._guarded(request, "history.stream", answer)
        return refused if refused.status != 200 else await stream_history(request, session, self.runs)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        self._seen_on(request)
        self._counts["socket"] += 1
        fault = self._mischief.take("socket")
        if fault is not None:

            async def nothing() -> web.Response:
                return web.Response()

            return await carry_out(fault, request, nothing)
        return await self._sockets.serve(request, self._counts, self._mischief)

    async def _healthz(self, request: web.Request) -> web.Response:
        self._counts["healthz"] += 1
        return web.json_response({"ok": True, "status": "live"})

    async def _readyz(self, request: web.Request) -> web.Response:
        self._counts["readyz"] += 1
        draining, starting = self.draining, self._spawn.starting
        failing = ["gateway-draining"] * draining + ["startup"] * starting
        body = {"ready": not failing, "failing": failing}
        return web.json_response(body, status=503 if failing else 200)

    async def _guarded(
        self, request: web.Request, name: str, answer: Callable[[], Awaitable[web.Response]]
    ) -> web.StreamResponse:
        """Answer unless the token, a drain or a fault forbids it."""
        self._counts[name] += 1
        refused = await self._access.refusal(request)
        if refused is not None:
            return refused
        if self.draining:
            return web.json_response(_DRAINING, status=503, headers={"Retry-After": "1"})
        fault = self._mischief.take(name)
        if fault is None:
            return await answer()
        if fault.kind == "no-status":
            self._looking.no_status = True
            try:
                return await answer()
            finally:
                self._looking.no_status = False
        if fault.kind == "husk":
            self._spawn.hung_up = True
            try:
                await answer()
            finally:
                self._spawn.hung_up = False
        return await carry_out(fault, request, answer)

    def _seen_on(self, request: web.Request) -> None:
        if request.transport is not None:
            self._transports.add(request.transport)

    # What the tests ask

    async def _switch_on(self, request: web.Request) -> web.Response:
        try:
            fault = Fault.from_json(json.loads(await request.read()))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        self._mischief.switch_on(fault)
        return web.json_response({})

    async def _switch_off(self, request: web.Request) -> web.Response:
        self._mischief.switch_off()
        return web.json_response({})

    async def _seen(self, request: web.Request) -> web.Response:
        return web.json_response({"counts": self._counts, "calls": self.runs.calls})

    async def _forget(self, request: web.Request) -> web.Response:
        self._counts.clear()
        self.runs.calls.clear()
        return web.json_response({})

    async def _drain(self, request: web.Request) -> web.Response:
        self.draining = True
        return web.json_response({})


def _failure(status: int, kind: str, message: str) -> web.Response:
    return web.json_response({"ok": False, "error": {"type": kind, "message": message}}, status=status)
