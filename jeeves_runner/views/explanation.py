"""Where the values of a job come from."""

from collections.abc import Iterable, Mapping
from typing import Annotated, TypedDict

import apsw

from jeeves_runner.core.explanation import ExplainedKey, Explanation, Origin, State, Statement
from jeeves_runner.core.problem import KeyPath, Position
from jeeves_runner.db import revisions
from jeeves_runner.db.revisions import RevisionRow
from jeeves_runner.views.sync import FieldDocument, ProblemDocument, problems_view


class StatementDocument(TypedDict):
    """What one place says of a key."""

    value: object
    """The value as it is written there; of a secret its reference; ``***``: a text that is, or was, one."""
    origin: Annotated[str, Origin]
    """What kind of place it is."""
    file: str | None
    """The file, relative to the project root; null for what stands in none."""
    line: int | None
    """The line of the file, from 1."""
    column: int | None
    """The column, from 1."""
    setting: str | None
    """Of the config file, the setting: ``notifications.default_on_failure``."""


class ExplainedKeyDocument(StatementDocument):
    """One key of a job."""

    key: str
    """Its name, dotted within a mapping that defaults are merged into: ``env.TOKEN``."""
    overrides: list[StatementDocument]
    """What it took the place of, the outermost first."""
    reason: str | None
    """Why none of these is in force, where no file says what is."""


class ExplanationDocument(TypedDict):
    """A job by its files as they are now."""

    id: str
    """Its id."""
    state: Annotated[str, State]
    """How its files stand to what is live."""
    message: str | None
    """Why it is held, or what else there is to say of that."""
    file: str | None
    """Its manifest, relative to the project root; null where none is known."""
    line: int
    """Where the job begins in it, from 1."""
    valid: bool
    """Whether the files make a job; else only keys that are written are among ``keys``, or those of the live
    job."""
    keys: list[ExplainedKeyDocument]
    """Its keys, in the order of the reference."""
    problems: list[ProblemDocument]
    """What breaks it."""
    differences: list[FieldDocument]
    """What an apply would change of the live job."""
    revision: RevisionRow | None
    """The apply that last wrote the live job; null without one."""


class JobExplanationDocument(TypedDict):
    """The answer of ``job --explain``."""

    explanation: ExplanationDocument
    """The job by its files."""


def explanation_view(conn: apsw.Connection | None, explanation: Explanation) -> JobExplanationDocument:
    """``{explanation}``; ``conn``: None where there is no database yet."""
    number = explanation.revision_id
    return {
        "explanation": {
            "id": explanation.job_id,
            "state": explanation.state,
            "message": explanation.message,
            "file": explanation.file,
            "line": explanation.position[0],
            "valid": explanation.is_valid,
            "keys": keys_view(explanation.keys, explanation.places),
            "problems": problems_view(explanation.problems),
            "differences": [{"path": f.path, "old": f.old, "new": f.new} for f in explanation.fields],
            "revision": None if conn is None or number is None else revisions.revision(conn, number),
        }
    }


def keys_view(
    keys: Iterable[ExplainedKey], places: Mapping[tuple[str, KeyPath], Position]
) -> list[ExplainedKeyDocument]:
    """Keys with the place of each value."""
    return [_key(each, places) for each in keys]


def _key(key: ExplainedKey, places: Mapping[tuple[str, KeyPath], Position]) -> ExplainedKeyDocument:
    return {
        "key": key.key,
        **_statement(key.said, places),
        "overrides": [_statement(each, places) for each in key.overrides],
        "reason": key.reason,
    }


def _statement(said: Statement, places: Mapping[tuple[str, KeyPath], Position]) -> StatementDocument:
    place = None if said.file is None else places.get((said.file, said.path))
    line, column = (None, None) if place is None else place
    return {
        "value": said.value,
        "origin": said.origin,
        "file": said.file,
        "line": line,
        "column": column,
        "setting": ".".join(map(str, said.path)) if said.origin is Origin.CONFIG else None,
    }
