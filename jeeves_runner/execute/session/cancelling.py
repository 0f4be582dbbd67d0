"""Asks the gateway to end a session. How that is done differs between its versions."""

from collections.abc import Iterator
from typing import Any, Final

from jeeves_runner.execute.session.answers import Details
from jeeves_runner.execute.session.gateway import Gateway, Refused
from jeeves_runner.execute.session.handle import SessionHandle

_RECENT: Final = 1440
"""Minutes since its end for which a task is listed."""
_DONE: Final = frozenset({"ok", "done", "cancelled", "killed"})
_OVER: Final = "already terminal"


async def cancel(gateway: Gateway, handle: SessionHandle) -> bool:
    """Ask for the end of a session and of its children; False if this gateway cannot be asked.

    One that has ended already counts as asked. Raises NotNow and Unauthorized.
    """
    return await _cancel_task(gateway, handle) or await _kill(gateway, handle)


async def _cancel_task(gateway: Gateway, handle: SessionHandle) -> bool:
    """By the session's task, which has its label and not its key."""
    listed = await _ask(gateway, handle, {"action": "list", "recentMinutes": _RECENT})
    answers = [
        await _ask(gateway, handle, {"action": "cancel", "taskId": task})
        for task in _tasks(listed.get("tasks"), handle.label)
    ]
    return any(_is_done(answer) for answer in answers)


async def _kill(gateway: Gateway, handle: SessionHandle) -> bool:
    """As before there were tasks."""
    if handle.key is None:
        return False
    return _is_done(await _ask(gateway, handle, {"action": "kill", "target": handle.key}))


async def _ask(gateway: Gateway, handle: SessionHandle, args: Details) -> Details:
    """What ``subagents`` answers in the parent's name; nothing where it is refused."""
    try:
        return await gateway.invoke("subagents", args, parent=handle.parent)
    except Refused:
        return {}


def _tasks(tasks: object, label: str) -> Iterator[str]:
    for task in tasks if isinstance(tasks, list) else ():
        if isinstance(task, dict) and task.get("label") == label and isinstance(task.get("taskId"), str):
            yield task["taskId"]


def _is_done(answer: Details) -> bool:
    said: Any = answer.get("reason") or answer.get("error")
    return answer.get("status") in _DONE or (isinstance(said, str) and _OVER in said)
