"""What an examination of a runner's world finds: one thing that is well, or may go wrong, or has."""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

Subject = Literal[
    "config",
    "manifests",
    "database",
    "server",
    "access",
    "disk",
    "clock",
    "limits",
    "gateway",
    "notifications",
]
"""The part that was looked at."""

Level = Literal["ok", "warning", "error"]
"""An error keeps the runner or some job from working; a warning may come to that."""

_RANK: Final[dict[Level, int]] = {"ok": 0, "warning": 1, "error": 2}


class Diagnosis(NamedTuple):
    """One finding."""

    subject: Subject
    """What was looked at."""
    level: Level
    """How bad it is."""
    message: str
    """What was found, in one sentence without a full stop."""
    hint: str | None = None
    """What to do about it; None where nothing is to be done."""

    def __str__(self) -> str:
        """Message and hint in one line."""
        return self.message if self.hint is None else f"{self.message}; {self.hint}"


def worst(found: Iterable[Diagnosis]) -> Level:
    """The worst level of them all; ``ok`` of none."""
    return max((each.level for each in found), key=_RANK.__getitem__, default="ok")
