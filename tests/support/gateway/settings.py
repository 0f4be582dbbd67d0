"""What a double of the gateway is told as it starts."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from support.gateway.versions import NEWEST, VERSIONS, Version


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All of it in the gateway's own words where it has them; durations in seconds of its clock."""

    token: str = "t0ken"
    """The bearer token of all requests."""
    version: str = NEWEST
    """Whose answers it gives."""
    speed: float = 1.0
    """How many seconds of its clock go by in one of ours. Times that it tells are ours all the same."""
    port: int = 0
    """Where it listens on 127.0.0.1; 0 takes one that is free, and a restart keeps that."""
    state: str | None = None
    """The file that outlives a kill; None keeps nothing."""
    allow: tuple[str, ...] = ("sessions_spawn",)
    """``gateway.tools.allow``: what it takes off the list of tools that HTTP denies."""
    lane: int = 8
    """How many sessions run at once; the others are queued."""
    children: int = 5
    """How many sessions of one parent may be active."""
    depth: int = 5
    """How deep sessions may be nested; 1 forbids a session to spawn."""
    agents: tuple[str, ...] = ("main",)
    """The agents that a spawn may name."""
    providers: tuple[str, ...] = ("fake",)
    """The providers whose models are known; any model of theirs is accepted."""
    lockout_attempts: int = 0
    """After how many wrong tokens an address is locked out; 0 for never."""
    lockout: float = 20.0
    """For how long."""
    startup: float = 0.0
    """For how long after its start it cannot spawn yet."""
    setup: float = 0.0
    """For how long it sets a session up; one that is cancelled meanwhile breaks it until a restart."""
    model_retries: float = 64.0
    """For how long it tries again where the model answers 500."""

    @property
    def does(self) -> Version:
        """What its version does."""
        return VERSIONS[self.version]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """ValueError for what is no settings, with what is wrong."""
        given = json.loads(text)
        if not isinstance(given, dict):
            raise ValueError("the settings are a JSON object")
        usual = asdict(cls())
        for name, value in given.items():
            if name not in usual:
                raise ValueError(f"there is no setting {name}; there are {', '.join(usual)}")
            if not _fits(value, usual[name]):
                raise ValueError(
                    f"{name} cannot be {json.dumps(value)}; usually it is {json.dumps(usual[name])}"
                )
        if given.get("version", NEWEST) not in VERSIONS:
            raise ValueError(f"there is no version {given['version']}; there are {', '.join(VERSIONS)}")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
        }
        return cls(**values)


def _fits(value: Any, usual: Any) -> bool:
    """Whether a value of JSON is of the kind of the one that a setting usually has."""
    match usual:
        case None:
            return value is None or isinstance(value, str)
        case tuple():
            return isinstance(value, list) and all(isinstance(each, str) for each in value)
        case float():
            return type(value) in (int, float)
        case _:
            return type(value) is type(usual)
