"""The runs of the sessions: calls of the model, both clocks of a timeout, and what a restart leaves."""

import asyncio
import json
import math
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from support.gateway.lane import Lane, Turn
from support.gateway.script import NO_USAGE, PROMPT, USAGE, Reply, Script, reply, script_of
from support.gateway.sessions import Session, Sessions, now_ms
from support.gateway.settings import Settings

ABSENT = 17.0
"""For how long the row of a run that a restart has cut off has no status."""
ABSENT_QUEUED = 78.0
"""The same for one that was queued."""

DELETED = 0.25
"""How long after its end a session is there that was to be deleted."""

_TOOLS = frozenset({"read", "sessions_spawn", "sessions_yield"})
"""What a session can use here; all else is unknown to it."""


@dataclass
class Talk:
    """How far a session has come with the model."""

    script: Script
    tools: int = 0
    """How many tools it has used."""


class Runs:
    """Carries out what was accepted. ``on_change`` hears of each change of a session's status."""

    def __init__(self, settings: Settings, sessions: Sessions, on_change: Callable[[Session], None]) -> None:
        self._settings = settings
        self._sessions = sessions
        self._lane = Lane(settings.lane)
        self._on_change = on_change
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns: dict[str, Turn] = {}
        self._tellers: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()
        self.spawn_child: Callable[[Session, dict[str, Any]], dict[str, Any]]
        """How a session spawns another; set by the tools."""
        self._called = 0
        self._is_broken = False
        self.calls: list[dict[str, Any]] = []
        """Each call of the model: its number, the session's key and label, the model, what was asked."""

    @property
    def active(self) -> int:
        return sum(not each.over for each in self._sessions)

    def later(self, seconds: float) -> float:
        """Seconds of the gateway's clock as seconds of ours."""
        return seconds / self._settings.speed

    def accept(self, session: Session) -> None:
        turn = self._turns[session.key] = self._lane.take()
        self._set(session, "running" if turn.done() else "queued")
        self._keep(session, self._carry_out(session))

    async def cancel(self, session: Session) -> None:
        """End it and those that it has spawned, without a word of the model."""
        task = self._tasks.get(session.key)
        if not session.over:
            if self._settings.setup and session.started is not None and session.aborted is None:
                self._is_broken = True
            session.aborted, session.waits = True, False
            session.error = "Cancelled by operator."
            session.ended = now_ms()
            if self._settings.does.kills:
                session.say("assistant", [], **_by(session), usage=NO_USAGE, **_KILLED)
            self._set(session, self._settings.does.cancelled)
        if task is not None:
            task.cancel()
        for key in session.children:
            child = self._sessions.get(key)
            if child is not None and not child.over:
                await self.cancel(child)

    async def news(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait so long until something holds, looking at each change, and tell whether it does."""
        with suppress(TimeoutError):
            limit = None if seconds == math.inf else self.later(seconds)
            async with asyncio.timeout(limit), self._changed:
                await self._changed.wait_for(holds)
        return holds()

    def take_up_left(self) -> None:
        """After a restart: the runs that were cut off have no status for a while, and then have failed."""
        for session in self._sessions:
            if not session.over:
                queued = session.started is None
                session.error = _LOST if queued else _INTERRUPTED
                seconds = ABSENT_QUEUED if queued else ABSENT
                self._set(session, None, touched=False)
                self._keep(session, self._fail_left(session, seconds))

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _keep(self, session: Session, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[session.key] = task
        task.add_done_callback(lambda _: self._over(session.key))

    def _over(self, key: str) -> None:
        # Here and not in the run, which may be cancelled before it has begun.
        self._tasks.pop(key, None)
        if (turn := self._turns.pop(key, None)) is not None:
            self._lane.leave(turn)

    async def _fail_left(self, session: Session, seconds: float) -> None:
        await asyncio.sleep(self.later(seconds))
        if not any(each["role"] == "assistant" for each in session.messages):
            text = f"This turn ended before a reply: {session.error}"
            session.say("custom", text, customType="run-failed-before-reply", display=True)
        session.ended, session.aborted = now_ms(), None
        self._set(session, "failed", touched=False)

    async def _carry_out(self, session: Session) -> None:
        limit = None if session.timeout is None else self.later(session.timeout)
        talk = Talk(script_of(session.task))
        status = "failed" if self._is_broken else None
        try:
            while status is None:
                # Shielded, because the lane alone settles turns.
                await asyncio.shield(self._turns[session.key])
                self._begin(session)
                async with asyncio.timeout(limit):
                    status = await self._talk(session, talk)
                if status is None:
                    await self._until_children_end(session)
        except TimeoutError:
            session.say("assistant", [_text("")], **_by(session), usage=NO_USAGE, **_ABORTED)
            self._end(session, "timeout")
        else:
            # The verdict counts from the acceptance, the wait for the lane included.
            late = limit is not None and (now_ms() - session.accepted) / 1000 > limit
            self._end(session, "timeout" if late else status)

    def _begin(self, session: Session) -> None:
        """Begin the run, or go on with it after a wait for its children."""
        if session.started is None:
            session.started = now_ms()
            session.ask()
        session.waits = False
        self._set(session, "running")

    async def _until_children_end(self, session: Session) -> None:
        """Wait without a place in the lane, and without a status; then take a new turn."""
        session.waits, session.aborted, session.tokens = True, False, None
        self._set(session, None)
        self._lane.leave(self._turns.pop(session.key))
        await self.news(lambda: not self._children_active(session), math.inf)
        self._turns[session.key] = self._lane.take()

    def _children_active(self, session: Session) -> bool:
        return any(not each.over for each in self._sessions.of_parent(session.key))

    async def _talk(self, session: Session, talk: Talk) -> str | None:
        """Call the model until it has had its say; the row's status, None to wait for the children."""
        while True:
            self._called += 1
            number = self._called
            call = {"number": number, "key": session.key, "label": session.label, "model": session.model}
            if session.aborted is None:
                await asyncio.sleep(self.later(self._settings.setup))
                session.aborted = False
                self._note(session)
            self.calls.append({**call, "at": now_ms(), "task": session.task})
            said = reply(talk.script, number=number, tools_done=talk.tools)
            await asyncio.sleep(math.inf if said.seconds is None else self.later(said.seconds))
            if said.status != 200:
                return await self._refused(session, said)
            session.tokens = PROMPT
            answer = {**_by(session), "usage": USAGE, "responseId": f"chatcmpl-{number}"}
            if said.tool is None:
                session.say("assistant", [_text(said.text)], **answer, stopReason="stop")
                return "done"
            talk.tools += 1
            self._use(session, said.tool, f"call_{number}", answer)
            self._note(session)
            if said.tool[0] == "sessions_yield" and self._children_active(session):
                return None

    async def _refused(self, session: Session, said: Reply) -> str:
        if said.status >= 500:
            await asyncio.sleep(self.later(self._settings.model_retries))
        session.error = "LLM request failed: provider rejected the request schema or tool payload."
        content = [_text(f"⚠️ LLM request failed (request format rejected, HTTP {said.status}).")]
        more = {}
        if self._settings.does.refused == "done":
            content, more = [], {"errorMessage": f"{said.status} fake upstream failure {said.status}"}
        session.say("assistant", content, **_by(session), usage=NO_USAGE, stopReason="error", **more)
        return self._settings.does.refused if said.status < 500 else "failed"

    def _use(
        self, session: Session, tool: tuple[str, dict[str, Any]], call_id: str, answer: dict[str, Any]
    ) -> None:
        """A call of a tool and its result. A call that only asks for an unknown tool is not shown."""
        name, args = tool
        call = {"toolCallId": call_id, "toolName": name}
        if name not in _TOOLS:
            session.say("toolResult", [_text(f"Tool {name} not found")], **call, isError=True)
            return
        content = [{"type": "toolCall", "id": call_id, "name": name, "arguments": args}]
        session.say("assistant", content, **answer, stopReason="toolUse")
        if name == "sessions_spawn":
            result = self.spawn_child(session, args)
        elif name == "sessions_yield":
            result = {"status": "yielded"}
        else:
            result = {"status": "error", "tool": name, "error": f"File not found: {args.get('path')}."}
        text = json.dumps(result, indent=2)
        session.say("toolResult", [_text(text)], **call, isError=result["status"] == "error")

    def _end(self, session: Session, status: str) -> None:
        session.ended = now_ms()
        session.aborted = None
        self._set(session, status)
        if session.deleted:
            loop = asyncio.get_running_loop()
            loop.call_later(self.later(DELETED), self._sessions.forget, session)

    def _set(self, session: Session, status: str | None, *, touched: bool = True) -> None:
        session.status = status
        self._note(session, touched=touched)
        self._on_change(session)

    def _note(self, session: Session, *, touched: bool = True) -> None:
        self._sessions.changed(session, touched=touched)
        task = asyncio.get_running_loop().create_task(self._tell())
        self._tellers.add(task)
        task.add_done_callback(self._tellers.discard)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


_INTERRUPTED = "Subagent execution was interrupted by a Gateway restart."
_LOST = "subagent run lost active execution context"
_KILLED = {"stopReason": "aborted", "errorMessage": "Request was aborted."}
_ABORTED = {"stopReason": "aborted", "errorMessage": "request timed out"}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _by(session: Session) -> dict[str, Any]:
    provider, _, model = session.model.partition("/")
    return {"api": "openai-completions", "provider": provider, "model": model}


def new_key(agent: str) -> str:
    return f"agent:{agent}:subagent:{uuid.uuid4()}"
