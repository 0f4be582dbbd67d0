"""The world of one manifest: its text, read as the planner reads it. No file is written.

Take it for what manifests declare and for what is said of those that are wrong.
"""

from textwrap import dedent
from typing import Any

from jeeves_runner.core.alerts.channels import Channels
from jeeves_runner.core.manifest.budget import Size
from jeeves_runner.core.manifest.context import Layer, ProjectContext
from jeeves_runner.core.manifest.file_result import FileResult
from jeeves_runner.core.manifest.reader import ManifestReader
from jeeves_runner.core.model import JobSpec
from jeeves_runner.core.specs import job_from_text
from jeeves_runner.schemas_text import manifest_schema

READER = ManifestReader(
    manifest_schema(),
    ProjectContext(
        project_root="/p",
        timezone="Europe/Berlin",
        pools=frozenset({"db"}),
        has_gateway=True,
        channels=Channels(slack=True, email=True, webhooks=("night", "ops")),
    ),
)


def read(text: str, path: str = "jobs.d/nightly.yaml", *defaults: dict[str, Any]) -> FileResult:
    """What the reader makes of a manifest below these defaults, the nearest last."""
    return READER.read(path, dedent(text).encode(), [Layer(values, Size()) for values in defaults])


def job(text: str, *defaults: dict[str, Any]) -> JobSpec:
    """The spec of the only job of a manifest without errors."""
    result = read(text, "jobs.d/nightly.yaml", *defaults)
    (entry,) = result.entries
    assert not [p for p in result.problems if p.is_error]
    return job_from_text(entry.text)


def assert_error(text: str, line: int, column: int, message: str, hint: str = "") -> str:
    """The first error is at this place, and has these parts in what it says. All that it says."""
    found = error_of(text)
    assert message in found[2]
    assert hint in found[3]
    assert found[:2] == (line, column)
    return found[2] + found[3]


def error_of(text: str) -> tuple[int, int, str, str]:
    """Line, column, message and hint of the first error."""
    result = read(text)
    errors = [p for p in result.problems if p.is_error]
    assert errors
    first = errors[0]
    return first.line, first.column, first.message, first.hint or ""
