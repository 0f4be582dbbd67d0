"""What goes wrong on the wire, switched on by a test.

A fault meets the requests of one name, as often as it says. Names are those of the tools (``subagents`` for
all its actions, ``subagents.wait`` for one), ``history``, ``history.stream``, ``socket`` for the connection,
the methods on it such as ``sessions.get``, and ``*`` for all. Each fault goes to the double as JSON.
"""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self, get_args

Kind = Literal["late", "hang", "drop", "answer", "half", "torn", "big", "no-status", "husk"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault. Take the functions below to make one."""

    on: str
    """The name of the requests: a tool, ``history``, ``socket``, ``sessions.get`` …, or ``*``."""
    kind: Kind
    """What happens to them."""
    acted: bool = False
    """Whether the gateway does what it was asked before it goes wrong."""
    seconds: float = 0.0
    """For ``late``, in our seconds, whatever the speed of the double."""
    status: int = 500
    """For ``answer``."""
    headers: dict[str, str] = field(default_factory=dict)
    """For ``answer``."""
    body: str = ""
    """For ``answer``."""
    size: int = 0
    """For ``big``, in bytes."""
    times: int | None = 1
    """How many requests it meets; None for all."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, given: Any) -> Self:
        """ValueError for what is no fault, with what is wrong."""
        names = [each.name for each in fields(cls)]
        if not isinstance(given, dict) or not {"on", "kind"} <= given.keys() <= set(names):
            raise ValueError(f"a fault has `on` and `kind`, and at most {', '.join(names)}")
        if given["kind"] not in get_args(Kind):
            raise ValueError(f"there is no fault {given['kind']}; there are {', '.join(get_args(Kind))}")
        return cls(**given)


def late(on: str, seconds: float, *, acted: bool = False, times: int | None = 1) -> Fault:
    """It answers ``seconds`` later, having acted at once or not before."""
    return Fault(on=on, kind="late", seconds=seconds, acted=acted, times=times)


def hang(on: str, *, acted: bool = False, times: int | None = 1) -> Fault:
    """It never answers."""
    return Fault(on=on, kind="hang", acted=acted, times=times)


def drop(on: str, *, acted: bool = False, times: int | None = 1) -> Fault:
    """It closes the connection without an answer."""
    return Fault(on=on, kind="drop", acted=acted, times=times)


def answer(
    on: str,
    status: int,
    body: str = "",
    *,
    headers: dict[str, str] | None = None,
    acted: bool = False,
    times: int | None = 1,
) -> Fault:
    """It answers this instead."""
    return Fault(
        on=on, kind="answer", status=status, body=body, headers=headers or {}, acted=acted, times=times
    )


def crash(on: str, *, acted: bool = False, times: int | None = 1) -> Fault:
    """A tool that crashes: 500."""
    body = '{"ok":false,"error":{"type":"tool_error","message":"tool execution failed"}}'
    return answer(on, 500, body, acted=acted, times=times)


def half(on: str, *, times: int | None = 1) -> Fault:
    """It acts, and half of the answer's JSON arrives as if it were all."""
    return Fault(on=on, kind="half", acted=True, times=times)


def torn(on: str, *, times: int | None = 1) -> Fault:
    """It acts, and the connection ends in the middle of the answer."""
    return Fault(on=on, kind="torn", acted=True, times=times)


def big(on: str, size: int = 10_000_000, *, times: int | None = 1) -> Fault:
    """It acts, and the answer has ``size`` bytes more, in a field that has no use."""
    return Fault(on=on, kind="big", acted=True, size=size, times=times)


def no_status(*, times: int | None = 1) -> Fault:
    """Rows of ``sessions_list`` lack their status."""
    return Fault(on="sessions_list", kind="no-status", acted=True, times=times)


def husk(*, times: int | None = 1) -> Fault:
    """The connection ends while a session is made: a row is left that no session stands behind."""
    return Fault(on="sessions_spawn", kind="husk", times=times)
