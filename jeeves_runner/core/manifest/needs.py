"""What a job needs besides its manifest, for whoever can see whether it is there."""

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from jeeves_runner.core.model import SourceType

Path = tuple[str | int, ...]

Kind = Literal["script", "cwd", "file", "from_env"]
"""``file`` and ``from_env`` are secrets."""


class Need(NamedTuple):
    """``ref`` is an absolute path or, of ``from_env``, a variable.

    ``key`` is the job's key that names it, and ``place`` the way there from the top of the manifest.
    """

    kind: Kind
    ref: str
    key: str
    place: Path


def needs_of(values: Mapping[str, Any], project_root: str) -> Iterator[tuple[tuple[str, ...], Kind, str]]:
    """``(path of the key, kind, ref)`` of all that a job's JSON values name."""
    if values["source_type"] is SourceType.PATH:
        yield ("script",), "script", values["script"]
    if values["cwd"] != project_root:
        yield ("cwd",), "cwd", values["cwd"]
    for name, value in values["env"].items():
        if isinstance(value, str):
            continue
        if "from_env" in value:
            yield ("env", name), "from_env", value["from_env"]
        else:
            yield ("env", name), "file", posixpath.normpath(posixpath.join(project_root, value["file"]))
