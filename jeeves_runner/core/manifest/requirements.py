"""What a job requires on the machine it runs on: its script or prompt, its working folder, its secrets.

Here the manifest is read for them; whether they are there is for a room that may look at files.
"""

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from jeeves_runner.core.model import SourceType
from jeeves_runner.core.problem import KeyPath

RequirementKind = Literal["script", "prompt_file", "cwd", "file", "from_env"]
"""``file`` and ``from_env`` are secrets."""


class Requirement(NamedTuple):
    """One thing that must be there for a job to run."""

    kind: RequirementKind
    """What is required."""
    ref: str
    """An absolute path or, for ``from_env``, the name of an environment variable."""
    key: str
    """The job's key that names it, dotted: ``env.TOKEN``."""
    place: KeyPath
    """The way to that key from the top of the manifest."""


def requirements_of(values: Mapping[str, Any], project_root: str, entry: KeyPath) -> Iterator[Requirement]:
    """All that a job's JSON values name; ``entry`` is the way to the job from the top of the manifest."""
    for keys, kind, ref in _named(values, project_root):
        yield Requirement(kind, ref, ".".join(keys), (*entry, *keys))


def _named(values: Mapping[str, Any], root: str) -> Iterator[tuple[tuple[str, ...], RequirementKind, str]]:
    if values["source_type"] is SourceType.PATH:
        yield ("script",), "script", values["script"]
    if values["source_type"] is SourceType.PROMPT_FILE:
        yield ("prompt_file",), "prompt_file", values["script"]
    if values["cwd"] != root:
        yield ("cwd",), "cwd", values["cwd"]
    for name, value in values["env"].items():
        if isinstance(value, str):
            continue
        if "from_env" in value:
            yield ("env", name), "from_env", value["from_env"]
        else:
            yield ("env", name), "file", posixpath.normpath(posixpath.join(root, value["file"]))
