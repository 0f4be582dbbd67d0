"""Asks the gateway to end a session. How that is done differs between its versions."""

from typing import Any, Final

from jeeves_runner.execute.session.answers import Details
from jeeves_runner.execute.session.gateway import Gateway, NotNow, Refused
from jeeves_runner.execute.session.handle import SessionHandle
from jeeves_runner.execute.session.reading import tasks_of

_DONE: Final = frozenset({"ok", "done", "cancelled", "killed"})
_FINAL: Final = frozenset({"completed", "failed", "cancelled", "timed_out"})
_OVER: Final = "already terminal"
_UNKNOWN: Final = "Unknown subagent session"


async def cancel(gateway: Gateway, handle: SessionHandle) -> bool:
    """Ask for the end of a session and of its children; False if this gateway cannot be asked.

    One that has ended already counts as asked. Raises NotNow and Unauthorized; NotNow also where the gateway
    has a way, and does not find what is to end.
    """
    tasks = await tasks_of(gateway, handle.parent)
    if tasks is None:
        return await _kill(gateway, handle)
    own = [task for task in tasks if task.get("label") == handle.label]  # a task does not tell its key
    done = [_is_done(await _cancel(gateway, handle.parent, task)) for task in own]
    await _cancel_children(gateway, handle)
    if not any(done):
        raise NotNow("the gateway does not find the session's task")
    return True


async def _cancel_children(gateway: Gateway, handle: SessionHandle) -> None:
    """A session that has ended itself does not take with it what it has begun."""
    if handle.key is not None:
        for task in await tasks_of(gateway, handle.key) or ():
            if task.get("status") not in _FINAL:
                await _cancel(gateway, handle.key, task)


async def _kill(gateway: Gateway, handle: SessionHandle) -> bool:
    """As before there were tasks; this takes the children with it."""
    if handle.key is None:
        return False
    answer = await _ask(gateway, handle.parent, {"action": "kill", "target": handle.key})
    if _UNKNOWN in str(answer.get("error")):
        raise NotNow("the gateway does not find the session")
    return _is_done(answer)


async def _cancel(gateway: Gateway, parent: str, task: Details) -> Details:
    return await _ask(gateway, parent, {"action": "cancel", "taskId": task.get("taskId")})


async def _ask(gateway: Gateway, parent: str, args: Details) -> Details:
    """What ``subagents`` answers in the parent's name; nothing where it is refused."""
    try:
        return await gateway.invoke("subagents", args, parent=parent)
    except Refused:
        return {}


def _is_done(answer: Details) -> bool:
    said: Any = answer.get("reason") or answer.get("error")
    return answer.get("status") in _DONE or (isinstance(said, str) and _OVER in said)
