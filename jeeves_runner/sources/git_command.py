"""Asks git, as a program that only reads."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_NONE: Final[Mapping[str, str]] = {}


def ask(
    folder: Path,
    *words: str,
    patience: float,
    given: bytes | None = None,
    variables: Mapping[str, str] = _NONE,
) -> bytes | None:
    """What git printed in ``folder``, or None when it failed or took more than ``patience`` seconds.

    It never takes a lock. ``given`` is its input. Its own variables are left out, but for ``variables``: in a
    hook they are set, and would make it answer for another folder.
    """
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL if given is None else None,
            input=given,
            capture_output=True,
            timeout=patience,
            check=False,
            env={**environment, **variables},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
