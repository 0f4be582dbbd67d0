"""``subagents``: the tasks of a session's tree."""

from support.gateway.answers import Args, BadArgument, Details
from support.gateway.runs import Runs
from support.gateway.sessions import Session, Sessions
from support.gateway.settings import Settings


class Tasks:
    """Lists tasks, waits for them and cancels them."""

    def __init__(self, settings: Settings, sessions: Sessions, runs: Runs) -> None:
        self._settings = settings
        self._sessions = sessions
        self._runs = runs

    async def subagents(self, args: Args, parent: str) -> Details:
        action, does = args.get("action", "list"), self._settings.does
        if action == "list":
            return self._list_tasks(parent)
        if action == "wait" and does.has_tasks:
            return await self._wait(args, parent)
        if action == "cancel" and does.has_tasks:
            return await self._cancel(args, parent)
        if action == "kill" and does.kills:
            return await self._kill(args, parent)
        return {"status": "error", "error": "Unsupported action."}

    def _list_tasks(self, parent: str) -> Details:
        own = [each for each in self._sessions.of_parent(parent)[::-1] if not each.husk]
        tree = sorted(self._sessions.tree_of(parent), key=lambda each: each.version, reverse=True)
        active = [each for each in own if not each.over or self._active(each.key)]
        listed = {
            "status": "ok",
            "action": "list",
            "requesterSessionKey": parent,
            "callerSessionKey": parent,
            "callerIsSubagent": ":subagent:" in parent,
            "total": len(own),
            "active": [each.brief(place) for place, each in enumerate(active, 1)],
            "recent": [each.brief(place) for place, each in enumerate(own, 1) if each not in active],
        }
        if self._settings.does.has_tasks:
            tasks = [each.record() for each in tree if not each.husk]
            listed |= {"taskTotal": len(tasks), "tasks": tasks}
        return listed

    def _active(self, parent: str) -> bool:
        return any(not each.over for each in self._sessions.of_parent(parent))

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

    async def _kill(self, args: Args, parent: str) -> Details:
        key = str(args.get("target"))
        about = {"action": "kill", "target": key}
        session = self._sessions.get(key)
        if session is None or session.parent != parent:
            return {"status": "error", **about, "error": f"Unknown subagent session: {key}"}
        about |= {"runId": session.run_id, "sessionKey": key}
        if session.over and not self._active(key):
            return {"status": "done", **about, "text": f"{session.label} is already finished."}
        await self._runs.cancel(session)
        return {"status": "ok", **about, "text": f"killed {session.label}."}
