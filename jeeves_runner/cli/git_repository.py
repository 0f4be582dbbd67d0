"""The git repository around a project: whether there is one, and how one is made."""

import os
import subprocess
from pathlib import Path
from typing import Final

from jeeves_runner.errors import Conflict

_PATIENCE: Final = 10.0


def is_top(folder: Path) -> bool:
    """Whether a folder is the top of a repository, or of a work tree of one."""
    return os.path.lexists(folder / ".git")


def repository_around(folder: Path) -> Path | None:
    """The repository that a folder lies in; None if there is none, or the folder is its top."""
    if is_top(folder):
        return None
    return next((above for above in folder.parents if is_top(above)), None)


def lacking_git(option: str) -> Conflict:
    """What is said where there is no git, and an option of ``init`` needs it."""
    return Conflict(
        "there is no program git on the PATH; nothing was written",
        hint=f"install git, or leave out {option}",
    )


def make_repository(folder: Path) -> bool:
    """Make a folder the top of a repository. False if it lies in one already; Conflict if git refuses."""
    if is_top(folder) or repository_around(folder) is not None:
        return False
    # In a hook git's own variables are set, and would make another folder the repository.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "init", "--quiet", str(folder)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
            env=env,
        )
    except FileNotFoundError:
        raise lacking_git("--git") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Conflict(f"git init failed: {error}; nothing was written", hint="leave out --git") from None
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise Conflict(f"git init failed: {said}; nothing was written", hint="fix that, or leave out --git")
    return True
