"""What an examination finds."""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, TypedDict

Subject = Literal["config", "manifests", "database", "server", "disk", "clock", "limits", "gateway"]
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


class DiagnosisDocument(TypedDict):
    """One finding of ``doctor``."""

    subject: Subject
    """What was looked at."""
    level: Level
    """How bad it is."""
    message: str
    """What was found."""
    hint: str | None
    """What to do about it."""


class DoctorDocument(TypedDict):
    """All findings of ``doctor``."""

    level: Level
    """The worst of them."""
    findings: list[DiagnosisDocument]
    """Each of them, in the order of looking."""


def worst(found: Iterable[Diagnosis]) -> Level:
    """The worst level of them all; ``ok`` of none."""
    return max((each.level for each in found), key=_RANK.__getitem__, default="ok")


def doctor_document(found: list[Diagnosis]) -> DoctorDocument:
    """What ``doctor --json`` prints."""
    return DoctorDocument(
        level=worst(found),
        findings=[
            DiagnosisDocument(subject=each.subject, level=each.level, message=each.message, hint=each.hint)
            for each in found
        ],
    )
