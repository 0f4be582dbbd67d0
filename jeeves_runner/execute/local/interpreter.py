"""Which program runs a script."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from jeeves_runner.errors import InvalidValue

_BY_EXTENSION: Mapping[str, tuple[str, ...]] = {
    ".py": (sys.executable,),
    ".js": ("node",),
    ".mjs": ("node",),
    ".cjs": ("node",),
    ".ts": ("node", "--experimental-strip-types"),
    ".sh": ("sh",),
    ".ps1": ("pwsh", "-File"),
    ".cmd": ("cmd", "/c"),
    ".bat": ("cmd", "/c"),
}


def command_for(
    path: Path, head: bytes, runners: Mapping[str, str], executable: bool | None = None
) -> tuple[str, ...]:
    """The argv that runs a script file, without its arguments.

    ``head`` is how the file begins; ``runners`` maps extensions (``py`` or ``.py``) to commands.
    A configured runner comes first, then the file's own first line if it is executable, then its
    extension. ``executable``: whether it may be executed, where that is not for the file system to say.
    Raises InvalidValue when none of them says how.
    """
    extension = path.suffix.lower()
    configured = runners.get(extension) or runners.get(extension.removeprefix(".")) if extension else None
    if configured is not None:
        return (*shlex.split(configured), str(path))
    if executable is None:
        executable = os.access(path, os.X_OK)
    if executable and head.startswith(b"#!"):
        return (str(path),)
    if extension in _BY_EXTENSION:
        return (*_BY_EXTENSION[extension], str(path))
    if executable:
        return (str(path),)
    raise InvalidValue(
        f"the script is not executable and its name does not tell how to run it: {path}",
        hint=f"chmod +x {shlex.quote(str(path))}",
    )


def shebang_of(text: str) -> tuple[str, ...] | None:
    """The interpreter a text names in its first line, split as the kernel does; None without one.

    That is the program and, if there is more, all of it as a single argument (execve(2)).
    """
    if not text.startswith("#!"):
        return None
    line = text[2:].split("\n", 1)[0].strip()
    return tuple(line.split(None, 1)) or None
