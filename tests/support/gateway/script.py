"""What the model behind the double says: the text of a session's task asks for it.

The last word of these in the text counts; without one it is ``MODE:ok``. SECONDS go by the gateway's clock.

    MODE:ok                      a short text
    MODE:echo=TEXT               TEXT, up to the next space
    MODE:long=N                  N characters or a few more, in lines of 80
    MODE:empty                   no text
    MODE:slow=SECONDS            a short text, later
    MODE:hang, MODE:stall        no answer, or its beginning alone
    MODE:err=STATUS              an HTTP error
    MODE:steps=N:SECONDS         N times a tool, then a short text; each call takes SECONDS
    MODE:tool=NAME:{ARGS}        one tool, then a short text
    MODE:tools=[[NAME,ARGS],…]   these tools, then a short text

The same words steer the model that stands behind a real gateway where the tests run against one.
"""

import json
import re
from typing import Any, NamedTuple

_WORD = re.compile(
    r"MODE:(?:(tools)=(\[.*\])|(tool)=(\w+:\{.*\})|(steps)=(\d+:[\d.]+)|(echo)=(\S+)"
    r"|(slow|err|long)=([\d.]+)|(ok|hang|stall|empty))"
)

USAGE = {
    "input": 1000,
    "output": 34,
    "totalTokens": 1234,
    "cacheRead": 200,
    "cacheWrite": 0,
    "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0},
}
"""Of every call that the model answers."""
PROMPT = 1200
"""The size of a prompt in tokens."""
NO_USAGE = {
    "input": 0,
    "output": 0,
    "totalTokens": 0,
    "cacheRead": 0,
    "cacheWrite": 0,
    "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0},
}


class Reply(NamedTuple):
    """The answer of the model to one call."""

    seconds: float | None
    """How long it takes; None for ever."""
    text: str = ""
    """What it says."""
    tool: tuple[str, dict[str, Any]] | None = None
    """Which tool it calls, and with what, instead of saying something."""
    status: int = 200
    """The status of HTTP."""


class Script(NamedTuple):
    """What a task asks of the model."""

    word: str
    value: str = ""


def script_of(task: str) -> Script:
    found = _WORD.findall(task)
    if not found:
        return Script("ok")
    parts = [part for part in found[-1] if part]
    return Script(parts[0], parts[1] if len(parts) > 1 else "")


def reply(script: Script, *, number: int, tools_done: int) -> Reply:
    """The answer to call ``number`` of all, in a session that has used ``tools_done`` tools."""
    said = Reply(0.0, f"FAKE-REPLY {number}")
    match script:
        case Script("echo", text):
            return said._replace(text=text)
        case Script("empty", _):
            return said._replace(text="")
        case Script("long", size):
            return said._replace(text=("x" * 79 + "\n") * (int(size) // 80 + 1))
        case Script("slow", seconds):
            return said._replace(seconds=float(seconds))
        case Script("hang" | "stall", _):
            return Reply(None)
        case Script("err", status):
            return Reply(0.0, status=int(status))
        case Script("steps", value):
            steps, _, seconds = value.partition(":")
            tool = ("read", {"path": f"none{tools_done}.txt"}) if tools_done < int(steps) else None
            return said._replace(seconds=float(seconds), tool=tool)
        case Script("tool", value):
            name, _, args = value.partition(":")
            return said if tools_done else said._replace(tool=(name, json.loads(args)))
        case Script("tools", value):
            calls = json.loads(value)
            return said._replace(tool=tuple(calls[tools_done])) if tools_done < len(calls) else said
        case _:
            return said
