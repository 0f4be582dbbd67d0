"""Which names are manifests, and what is said of entries that should be one and are not.

All sources go by these rules, so that a job is the same whatever its manifest was read from.
"""

import os
from typing import Final

from jeeves_runner.core.problem import Problem

SUFFIXES: Final = (".yaml", ".yml")
DEFAULTS_NAMES: Final = ("_defaults.yaml", "_defaults.yml")

BRING_BACK: Final = "bring back what it points to, or remove the link"
"""The hint for an entry that leads to what is not there."""


def is_passed_over(name: str) -> bool:
    """Whether a file or folder is none of ours: hidden and underscored ones are not looked at."""
    return name[0] in "._" and name not in DEFAULTS_NAMES


def is_manifest(path: str) -> bool:
    """Whether a path in a folder of manifests is that of one, or of defaults."""
    names = path.split("/")
    return names[-1].endswith(SUFFIXES) and not any(map(is_passed_over, names))


def is_text(name: str) -> bool:
    """Whether a name can be stored and printed: one that is not UTF-8 cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(path: str) -> str:
    """A path as it can be printed, with a backslash for each byte that is no text."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def unreadable(path: str, message: str, hint: str | None, *, code: str = "unreadable") -> Problem:
    """The problem of an entry that cannot be read."""
    return Problem(severity="error", code=code, file=path, line=1, column=1, message=message, hint=hint)


def not_utf8(path: str) -> Problem:
    """The problem of an entry whose name is not UTF-8."""
    return unreadable(printable(path), "the name is not UTF-8", "rename it", code="file_name")


def lost_link(path: str, target: str) -> Problem:
    """The problem of a link that leads nowhere."""
    message = f"the link points to {printable(target)}, which does not exist"
    return unreadable(printable(path), message, BRING_BACK)


def named_as_manifest(path: str) -> Problem:
    """The problem of a folder that has a manifest's name."""
    name = path.rpartition("/")[2]
    aside = "" if name in DEFAULTS_NAMES else ", or start its name with `_` to leave it out"
    return unreadable(
        path,
        "a folder is named like a manifest",
        f"rename the folder{aside}",
        code="folder_named_as_manifest",
    )
