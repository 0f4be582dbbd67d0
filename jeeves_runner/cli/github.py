"""Problems as GitHub shows them beside the lines of a change: its workflow commands."""

import os
import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path

from jeeves_runner.core.problem import Problem


def annotations(problems: Iterable[Problem], root: Path) -> Iterator[str]:
    """One command for each problem of the project in ``root``, for ``App.print_command``."""
    above = _below_the_repository(root)
    for p in problems:
        text = f"{p.message}. {p.hint}" if p.hint else p.message
        file = _property(posixpath.normpath(posixpath.join(above, p.file)))
        yield f"::{p.severity} file={file},line={p.line},col={p.column}::{_escaped(text)}"


def error(text: str) -> str:
    """The command for what stands in no file."""
    return f"::error::{_escaped(text)}"


def _below_the_repository(root: Path) -> str:
    """The project's path in the git repository around it: GitHub names files relative to the repository."""
    top = next((place for place in (root, *root.parents) if os.path.lexists(place / ".git")), root)
    return root.relative_to(top).as_posix()


def _escaped(text: str) -> str:
    """``text`` with the characters escaped that GitHub's workflow commands reserve, as its toolkit does."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """The value of a property: there, the characters that separate properties are reserved too."""
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
