"""``sessions_spawn``: which sessions are accepted."""

import re

from support.gateway.answers import Args, BadArgument, Details
from support.gateway.runs import Runs, new_key
from support.gateway.sessions import Session, Sessions
from support.gateway.settings import Settings

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


class Spawn:
    """Accepts sessions, and hands them to the runs."""

    def __init__(self, settings: Settings, sessions: Sessions, runs: Runs) -> None:
        self._settings = settings
        self._sessions = sessions
        self._runs = runs
        self.starting = False
        """Whether the gateway is still starting, and cannot spawn."""
        self.hung_up = False
        """Whether the caller hangs up before what it asks for is accepted."""
        runs.spawn_child = self._spawn_child

    def spawn(self, args: Args, parent: str, depth: int = 1) -> Details:
        seconds = self._check(args)
        model = args.get("model") or "fake-1"
        provider, _, name = model.rpartition("/")
        model = f"{provider or self._settings.providers[0]}/{name}"
        agent = args.get("agentId") or parent.split(":")[1]
        refused = self._refusal(args, parent, depth)
        if refused is not None:
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
            deleted=args.get("cleanup") == "delete",
        )
        quiet = args.get("expectsCompletionMessage") is False
        if self.hung_up:
            session.husk, session.status = True, None
            self._sessions.changed(session)
            return {}
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
        seconds = args.get("runTimeoutSeconds", 0)
        if seconds and not self._settings.does.limits_runs:
            raise BadArgument(
                'sessions_spawn does not support per-call "runTimeoutSeconds". '
                "Configure agents.defaults.subagents.runTimeoutSeconds instead."
            )
        if not isinstance(args.get("task"), str) or not args["task"].strip():
            raise BadArgument("task required")
        for name, message in _INSTEAD.items():
            if name in args:
                raise BadArgument(message)
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
        if settings.does.checks_models and provider and provider not in settings.providers:
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
