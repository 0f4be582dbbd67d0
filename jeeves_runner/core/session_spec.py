"""What a job of type session says of its agent."""

from typing import Literal, NamedTuple

Thinking = Literal[
    "off", "minimal", "low", "medium", "high", "xhigh", "max", "adaptive", "ultra", "auto", "none"
]
"""How much an agent thinks, in its gateway's words."""


class Session(NamedTuple):
    """How an agent carries out a job of type session."""

    thinking: Thinking | None = None
    """How much it thinks; None: as the agent is set."""
    label: str | None = None
    """What the labels of its sessions begin with; None: ``jr``."""
    model: str | None = None
    """The model's name, or ``PROVIDER/NAME``; None: the agent's own."""
    agent_id: str | None = None
    """The agent that takes the session; None: the gateway's main one."""
    max_tokens: int | None = None
    """Tokens that one run may use, 1 to 10**12; None: no limit."""
    max_tokens_per_day: int | None = None
    """Tokens that all its runs may use in a local day of its time zone, likewise."""
    expect_result: str | None = None
    """``json``, or a regular expression that fits the agent's last text; None: any text will do."""
