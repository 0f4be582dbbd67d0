"""What git says about a folder of manifests. Asked only when an apply has something to record."""

import subprocess
from pathlib import Path

from jeeves_runner.core.model import Commit

_PATIENCE = 10.0


def commit_of(folder: Path) -> Commit | None:
    """The commit the folder stands at; None outside git, before a first commit or without git."""
    if not any((place / ".git").exists() for place in (folder, *folder.parents)):
        return None
    log = _git(folder, "log", "-1", "--format=%H%n%an <%ae>%n%s")
    if not log:
        return None
    sha, author, subject = (*log.split("\n", 2), "", "")[:3]
    changed = _git(folder, "status", "--porcelain", "--", ".")
    if changed is None or changed:
        return Commit(sha=sha + "+dirty")
    return Commit(sha=sha, author=author, subject=subject.strip())


def _git(folder: Path, *words: str) -> str | None:
    """What git printed, or None when it failed or took too long. It never takes a lock."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip("\n") if done.returncode == 0 else None
