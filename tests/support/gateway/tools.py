"""The tools that a request may invoke: what each answers."""

import json
import re
from collections.abc import Mapping
from typing import Any

from support.gateway.runs import Runs, new_key
from support.gateway.sessions import Message, Session, Sessions
from support.gateway.settings import OLDEST, WITHOUT_TIMEOUT, Settings

Args = Mapping[str, Any]
Details = dict[str, Any]

MAIN = "agent:main:main"
"""The parent of what is spawned without a ``sessionKey``."""
PAGE_BYTES = 64 * 1024
"""How long a page of ``sessions_list`` may be."""
TOOL_TEXT = 4_000
"""After how many characters ``sessions_history`` cuts a text."""

_AGENT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
_LEVELS = frozenset(
    ["off", "minimal", "low", "medium", "high", "xhigh", "max", "adaptive", "ultra", "auto", "none"]
)
_STARTING = "agent unavailable during gateway startup"
_QUIET = "Quiet run: no completion notification is sent. Do not wait for an announcement."
_INSTEAD = {
    "timeoutSeconds": 'sessions_spawn does not support "timeoutSeconds". '
    'Use "runTimeoutSeconds" for a per-run timeout.',
    "target": 'sessions_spawn does not support "target"; remove channel-delivery parameters.',
}


class BadArgument(Exception):
    """The answer is 400 with this text."""


class Tools:
    """The four tools. Each answer is what stands in ``result.details``."""

    def __init__(self, settings: Settings, sessions: Sessions, runs: Runs) -> None:
        self._settings = settings
        self._sessions = sessions
        self._runs = runs
        self.starting = False
        """Whether the gateway is still starting, and cannot spawn."""
        self.no_status = False
        """Whether the rows of the next list lack their status."""
        runs.spawn_child = self._spawn_child

    async def invoke(self, tool: str, args: Args, parent: str) -> Details | None:
        """The details; None for a tool that is not there. Raises ``BadArgument``."""
        match tool:
            case "sessions_spawn" if tool in self._settings.allow:
                return self.spawn(args, parent)
            case "sessions_list":
                return self.list(args)
            case "sessions_history":
                return self.history(args)
            case "subagents":
                return await self.subagents(args, parent)
            case _:
                return None

    # sessions_spawn

    def spawn(self, args: Args, parent: str, depth: int = 1) -> Details:
        seconds = self._check(args)
        model = args.get("model") or "fake-1"
        provider, _, name = model.rpartition("/")
        model = f"{provider or self._settings.providers[0]}/{name}"
        agent = args.get("agentId") or "main"
        refused = self._refusal(args, parent, depth)
        if refused is not None:
            if self._settings.version == OLDEST:
                refused = {"status": "error", "error": refused["error"], "childSessionKey": new_key(agent)}
            return refused
        session = Session(
            key=new_key(agent),
            parent=parent,
            task=args["task"],
            label=args.get("label"),
            model=model,
            agent=agent,
            depth=depth,
            timeout=seconds or None,
        )
        quiet = args.get("expectsCompletionMessage") is False
        self._runs.accept(session)
        return {
            "status": "accepted",
            "childSessionKey": session.key,
            "runId": session.run_id,
            "mode": "run",
            "expectsCompletionMessage": not quiet,
            "context": "isolated",
            "note": _QUIET if quiet else "The completion is announced when it is there.",
            "resolvedModel": model,
            "resolvedProvider": model.partition("/")[0],
            "modelApplied": True,
        }

    def _check(self, args: Args) -> int:
        """The timeout in seconds, 0 for none."""
        if not isinstance(args.get("task"), str) or not args["task"].strip():
            raise BadArgument("task required")
        for name, message in _INSTEAD.items():
            if name in args:
                raise BadArgument(message)
        seconds = args.get("runTimeoutSeconds", 0)
        if seconds and self._settings.version == WITHOUT_TIMEOUT:
            raise BadArgument('sessions_spawn does not support "runTimeoutSeconds".')
        if not re.fullmatch(r"\d+", str(seconds)):
            raise BadArgument("runTimeoutSeconds must be a non-negative integer")
        return int(seconds)

    def _refusal(self, args: Args, parent: str, depth: int) -> Details | None:
        agent = args.get("agentId")
        level = args.get("thinking")
        provider, _, _ = str(args.get("model") or "").rpartition("/")
        settings = self._settings
        if agent is not None and not _AGENT_ID.match(str(agent)):
            words = f'Invalid agentId "{agent}". Agent IDs must match [a-z0-9][a-z0-9_-]{{0,63}}.'
            return {"status": "error", "error": words, "role": agent}
        if agent is not None and agent not in settings.agents:
            allowed = ", ".join(settings.agents)
            words = f"agentId is not allowed for sessions_spawn (allowed: {allowed})"
            return {"status": "forbidden", "error": words, "role": agent}
        if depth > settings.depth:
            at = f"current depth: {depth - 1}, max: {settings.depth}"
            words = f"sessions_spawn is not allowed at this depth ({at})"
            return {"status": "forbidden", "error": words}
        if (active := self._active(parent)) >= settings.children:
            words = (
                f"sessions_spawn has reached max active children for this session "
                f"({active}/{settings.children}; agents.defaults.subagents.maxChildrenPerAgent)."
            )
            return {"status": "forbidden", "error": words}
        if level is not None and str(level).lower() not in _LEVELS:
            words = f'Invalid thinking level "{level}". Use one of: off, minimal, low, medium, high.'
            return {"status": "error", "error": words}
        if provider and provider not in settings.providers:
            words = f'sessions_spawn model "{args["model"]}" is not usable: Unknown model: {args["model"]}.'
            return {"status": "error", "error": words}
        if self.starting:
            return {"status": "error", "error": _STARTING, "childSessionKey": new_key(agent or "main")}
        return None

    def _active(self, parent: str) -> int:
        return sum(not each.over for each in self._sessions.of_parent(parent))

    def _spawn_child(self, session: Session, args: Args) -> Details:
        try:
            details = self.spawn(args, session.key, session.depth + 1)
        except BadArgument as bad:
            return {"status": "error", "tool": "sessions_spawn", "error": str(bad)}
        if details["status"] == "accepted":
            session.children.append(details["childSessionKey"])
        return details

    # sessions_list, sessions_history

    def list(self, args: Args) -> Details:
        limit, offset = args.get("limit", 100), args.get("offset", 0)
        if not isinstance(limit, int) or limit < 1:
            raise BadArgument("limit must be a positive integer")
        limit = min(limit, 200)
        search, label = str(args.get("search") or "").lower(), args.get("label")
        found = [
            each
            for each in sorted(self._sessions, key=lambda each: each.version, reverse=True)
            if (label is None or each.label == label) and search in f"{each.key} {each.label}".lower()
        ]
        rows: list[Details] = []
        # The text counts, which is indented; around the rows it has some 150 bytes.
        size = 150
        for each in found[offset : offset + limit]:
            row = each.row()
            if self.no_status:
                row.pop("status", None)
            size += _text_size(row)
            if size > PAGE_BYTES:
                break
            rows.append(row)
        after = offset + len(rows)
        details: Details = {"count": len(rows), "sessions": rows, "hasMore": after < len(found)}
        if after < len(found):
            details["nextOffset"] = after
        details["limitApplied"] = limit
        if len(rows) < limit and after < len(found):
            details["truncationReason"] = "byte-limit"
        return details

    def history(self, args: Args) -> Details:
        key = args.get("sessionKey")
        if not key:
            raise BadArgument("sessionKey required")
        session = self._sessions.get(key)
        if session is None:
            return {"status": "error", "error": f"No session found: {key}"}
        shown = [
            each
            for each in session.messages
            if args.get("includeTools", False) or each["role"] not in ("tool", "toolResult")
        ]
        messages = [
            _without_usage(cut(each, TOOL_TEXT, "\n…(truncated)…"))
            for each in shown[-args.get("limit", 200) :]
        ]
        # Whatever was left out counts as cut, the usage too: so it is said of all that has an answer.
        trimmed = any("usage" in each for each in shown)
        return {
            "sessionKey": key,
            "messages": messages,
            "truncated": trimmed,
            "droppedMessages": False,
            "contentTruncated": trimmed,
            "contentRedacted": False,
            "bytes": len(json.dumps(messages)),
            "pendingInputs": {"items": [], "total": 0},
        }

    # subagents

    async def subagents(self, args: Args, parent: str) -> Details:
        action, version = args.get("action", "list"), self._settings.version
        if action == "list":
            return self._list_tasks(parent)
        if action == "wait" and version not in (OLDEST, WITHOUT_TIMEOUT):
            return await self._wait(args, parent)
        if action == "cancel" and version not in (OLDEST, WITHOUT_TIMEOUT):
            return await self._cancel(args, parent)
        if action == "kill" and version == OLDEST:
            return await self._kill(args)
        return {"status": "error", "error": "Unsupported action."}

    def _list_tasks(self, parent: str) -> Details:
        own = self._sessions.of_parent(parent)[::-1]
        tree = sorted(self._sessions.tree_of(parent), key=lambda each: each.version, reverse=True)
        active = [each for each in own if not each.over or self._active(each.key)]
        return {
            "status": "ok",
            "action": "list",
            "requesterSessionKey": parent,
            "callerSessionKey": parent,
            "callerIsSubagent": ":subagent:" in parent,
            "total": len(own),
            "taskTotal": len(tree),
            "tasks": [each.record() for each in tree],
            "active": [each.brief(place) for place, each in enumerate(active, 1)],
            "recent": [each.brief(place) for place, each in enumerate(own, 1) if each not in active],
        }

    async def _wait(self, args: Args, parent: str) -> Details:
        ids = args.get("taskIds")
        if not ids:
            raise BadArgument("taskIds required")
        if len(ids) > 32:
            raise BadArgument("subagents wait supports at most 32 taskIds.")
        found = {task: self._in_tree(task, parent) for task in ids}
        known = [each for each in found.values() if each is not None]
        missing = [task for task, each in found.items() if each is None]
        if known and not missing:
            seconds = min(args.get("timeoutSeconds", 60), 60)
            await self._runs.news(lambda: any(each.over for each in known), seconds)
        completed = [each.task_id for each in known if each.over]
        details: Details = {
            "status": "ok",
            "action": "wait",
            "reason": "unavailable" if missing else "completed" if completed else "timeout",
            "tasks": [each.record() for each in known],
            "completed": completed,
            "attention": [],
        }
        return {**details, "unavailable": missing} if missing else details

    def _in_tree(self, task_id: object, parent: str) -> Session | None:
        """The session of this task, if ``parent`` or one of its own has spawned it."""
        session = found = self._sessions.of_task(str(task_id))
        while session is not None and session.parent != parent:
            session = self._sessions.get(session.parent)
        return None if session is None else found

    async def _cancel(self, args: Args, parent: str) -> Details:
        task_id = args.get("taskId")
        session = self._in_tree(task_id, parent)
        if session is None:
            return {"status": "forbidden", "error": "Task outside session tree."}
        if session.over:
            found = {"taskId": task_id, "found": True, "cancelled": False}
            return {"status": "error", **found, "reason": "Task is already terminal."}
        await self._runs.cancel(session)
        return {"status": "cancelled", "taskId": task_id, "found": True, "cancelled": True}

    async def _kill(self, args: Args) -> Details:
        session = self._sessions.get(str(args.get("target")))
        if session is None:
            return {"status": "error", "error": f"Unknown subagent target: {args.get('target')}"}
        if session.over:
            return {"status": "done", "action": "kill", "target": session.key}
        await self._runs.cancel(session)
        return {"status": "ok", "action": "kill", "target": session.key, "killed": 1}


def _text_size(row: Details) -> int:
    """The bytes of a row in the text of a page, where each of its lines is indented by four more."""
    text = json.dumps(row, indent=2)
    return len(text.encode()) + 4 * (text.count("\n") + 1) + 2


def cut(message: Message, size: int, mark: str) -> Message:
    """The message with its texts of more than ``size`` characters cut, and ``mark`` at their ends."""
    content = message["content"]
    if isinstance(content, str):
        return {**message, "content": content[:size] + mark} if len(content) > size else message
    if all(len(part.get("text", "")) <= size for part in content):
        return message
    parts = [
        {**part, "text": part["text"][:size] + mark} if len(part.get("text", "")) > size else part
        for part in content
    ]
    return {**message, "content": parts}


def _without_usage(message: Message) -> Message:
    return {name: value for name, value in message.items() if name != "usage"}
