"""What goes wrong when Slack is called, switched on by a test."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["answer", "error", "hang", "drop", "slow"]


@dataclass(kw_only=True)
class Fault:
    """It meets the next ``times`` calls of a method; None: all of them."""

    on: str
    """``chat.postMessage``, ``upload``, or ``*`` for all."""
    kind: Kind = "error"
    """``error``: ok:false with this word. ``answer``: this status and body. ``hang``: no answer. ``drop``:
    the connection is closed."""
    word: str = ""
    """For ``error``."""
    status: int = 200
    """For ``answer`` and ``error``."""
    body: str = ""
    """For ``answer``."""
    content_type: str = "application/json"
    """For ``answer``."""
    headers: dict[str, str] = field(default_factory=dict)
    """For ``answer`` and ``error``."""
    channel: str = ""
    """Only calls that are about this one; empty: all."""
    delay: float = 0.0
    """Seconds before anything else."""
    acted: bool = False
    """Whether Slack does what it was asked first."""
    times: int | None = 1


def limited(seconds: float, on: str = "chat.postMessage", times: int | None = 1) -> Fault:
    """429, as Slack sends it."""
    return Fault(on=on, word="ratelimited", status=429, headers={"Retry-After": f"{seconds:g}"}, times=times)
