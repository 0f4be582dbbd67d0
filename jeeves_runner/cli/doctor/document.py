"""The document that ``doctor --json`` prints."""

from typing import TypedDict

from jeeves_runner.core.diagnosis import Diagnosis, Level, Subject, worst


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


def doctor_document(found: list[Diagnosis]) -> DoctorDocument:
    """What ``doctor --json`` prints."""
    return DoctorDocument(
        level=worst(found),
        findings=[
            DiagnosisDocument(subject=each.subject, level=each.level, message=each.message, hint=each.hint)
            for each in found
        ],
    )
