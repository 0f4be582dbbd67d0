"""What a job requires on the machine it runs on: its script or prompt, its working folder, its secrets.

Here the manifest is read for them; whether they are there is for a room that may look at files.
"""

import posixpath
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from jeeves_runner.core.model import SourceType
from jeeves_runner.core.problem import KeyPath

if TYPE_CHECKING:
    from jeeves_runner.core.prompt_template import Supply

RequirementKind = Literal["script", "prompt_file", "cwd", "file", "from_env"]
"""``file`` and ``from_env`` are secrets."""


FILES: Final = ("script", "prompt_file")
"""The kinds of files that say what a job does."""


class JobFile(NamedTuple):
    """The file that says what a job does."""

    kind: Literal["script", "prompt_file"]
    """What it is."""
    path: str
    """Where it is, an absolute path."""


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
    params: tuple[tuple[str, "Supply"], ...] = ()
    """Of a prompt: the parameters that the job declares; empty: any."""
    is_timed: bool = True
    """Of a prompt: all runs that no person starts are by the job's schedule."""
    by_itself: bool = False
    """Of a prompt: some runs are started by no person."""

    @property
    def file(self) -> JobFile | None:
        """The file that says what the job does, if this is it."""
        return JobFile(self.kind, self.ref) if self.kind in FILES else None


def requirements_of(values: Mapping[str, Any], project_root: str, entry: KeyPath) -> Iterator[Requirement]:
    """All that a job's JSON values name; ``entry`` is the way to the job from the top of the manifest."""
    for keys, kind, ref in _named(values, project_root):
        params = tuple(supplies(values).items()) if kind == "prompt_file" else ()
        place = (*entry, *keys)
        yield Requirement(kind, ref, ".".join(keys), place, params, is_timed(values), by_itself(values))


def is_timed(values: Mapping[str, Any]) -> bool:
    """Whether all runs that no person starts are by the schedule."""
    return bool(values["schedule"]) and not values["on_start"]


def by_itself(values: Mapping[str, Any]) -> bool:
    """Whether some runs are started by no person."""
    return bool(values["schedule"] or values["on_start"])


def supplies(values: Mapping[str, Any]) -> dict[str, "Supply"]:
    """What a prompt can expect of the parameters that a job's JSON values declare."""
    unasked = by_itself(values)
    return {name: _supply(param, unasked=unasked) for name, param in values["params"].items()}


def _supply(param: Mapping[str, Any], *, unasked: bool) -> "Supply":
    if param["secret"]:
        return "secret"
    return "may lack" if unasked and param["default"] is None else "given"


def _named(values: Mapping[str, Any], root: str) -> Iterator[tuple[tuple[str, ...], RequirementKind, str]]:
    if values["source_type"] is SourceType.PATH:
        yield ("script",), "script", values["script"]
    if values["source_type"] is SourceType.PROMPT_FILE:
        yield ("prompt_file",), "prompt_file", values["script"]
    precheck = values["precheck"]
    if precheck is not None and precheck["script"] is not None:
        yield ("precheck", "script"), "script", precheck["script"]
    if values["cwd"] != root:
        yield ("cwd",), "cwd", values["cwd"]
    for name, value in values["env"].items():
        if not isinstance(value, str):
            yield ("env", name), *_secret(value, root)
    if isinstance(values["heartbeat"], dict):
        yield ("heartbeat",), *_secret(values["heartbeat"], root)


def _secret(value: Mapping[str, str], root: str) -> tuple[RequirementKind, str]:
    if "from_env" in value:
        return "from_env", value["from_env"]
    return "file", posixpath.normpath(posixpath.join(root, value["file"]))
