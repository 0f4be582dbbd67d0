"""What git says about a folder of manifests. Asked only when an apply has something to record."""

from pathlib import Path

from jeeves_runner.core.origin import DIRTY, Allowance, Commit
from jeeves_runner.sources import trailers
from jeeves_runner.sources.folder.places import is_there, real_path
from jeeves_runner.sources.git_command import ask
from jeeves_runner.sources.names import SUFFIXES

_PATIENCE = 10.0
"""Seconds to wait for an answer of git."""


def commit_of(folder: Path, root: Path) -> Commit | None:
    """The commit the manifests in ``folder`` stand at; None outside git, before a first commit or
    without git.

    It is marked as dirty when the folder differs from it, manifests that git ignores included, or when a
    tracked file of the project ``root`` has changed: the config, a script.
    """
    manifests, project = real_path(folder), real_path(root)
    top = next((p for p in (manifests, *manifests.parents) if is_there(p / ".git")), None)
    if top is None:
        return None
    log = _git(manifests, "log", "-1", "--no-show-signature", "--format=%H%n%an <%ae>%n%s")
    if not log:
        return None
    sha, author, subject = (*log.split("\n", 2), "", "")[:3]
    if _has_changed(manifests) or (project.is_relative_to(top) and _is_edited(project)):
        return Commit(sha=sha + DIRTY)
    return Commit(sha=sha, author=author, subject=subject.strip())


def allowances_of(folder: Path, head: str, since: str | None) -> tuple[Allowance, ...]:
    """What the commits after ``since`` up to ``head`` allow by their trailers, the newest first.

    ``head`` alone where git does not know ``since``, which may have been rewritten.
    """
    manifests = real_path(folder)
    told = None if since is None else _git(manifests, *trailers.question(head, since))
    if told is None:
        told = _git(manifests, *trailers.question(head, None))
    return trailers.answer(told or "")


def _has_changed(folder: Path) -> bool:
    """Whether the folder differs from its commit. Ignored manifests count: they are read as well."""
    status = _git(folder, "status", "--porcelain", "--untracked-files=all", "--ignored", "--", ".")
    if status is None:
        return True
    return any(
        not line.startswith("!!") or line.rstrip('"').endswith(SUFFIXES) for line in status.splitlines()
    )


def _is_edited(project: Path) -> bool:
    """Whether a tracked file differs from its commit."""
    return _git(project, "status", "--porcelain", "--untracked-files=no", "--", ".") != ""


def _git(folder: Path, *words: str) -> str | None:
    """What git printed, or None when it failed or took too long."""
    said = ask(folder, *words, patience=_PATIENCE)
    return None if said is None else said.decode("utf-8", "replace").strip("\n")
