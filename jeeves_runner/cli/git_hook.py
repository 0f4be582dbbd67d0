"""The git hook that ``init --hook`` installs. A hook that is there stays as it is."""

import os
import shlex
import shutil
import sys
from os.path import relpath
from pathlib import Path
from typing import Final

from jeeves_runner.cli.git_repository import lacking_git
from jeeves_runner.cli.scaffold import NewFile, template
from jeeves_runner.errors import Conflict
from jeeves_runner.sources.git_command import ask

_PATIENCE: Final = 10.0

COMMAND: Final = "jeeves-runner validate --staged"
"""What a hook of another's making has to do."""


def hook_of(project: Path, jobs_dir: str) -> NewFile:
    """The hook for the repository around ``project``, which need not exist yet; Conflict if there is none.

    Conflict too where ``core.hooksPath`` leads elsewhere: that folder belongs to another tool, or to all
    repositories of this user. ``jobs_dir`` is the folder of manifests as seen from the project.
    """
    place = next(above for above in (project, *project.parents) if os.path.isdir(above))  # noqa: PTH112
    said = ask(place, "rev-parse", "--show-toplevel", "--git-common-dir", patience=_PATIENCE)
    if said is None:
        if shutil.which("git") is None:
            raise lacking_git("--hook")
        raise Conflict(
            f"{project} is in no git repository, so there is no place for a hook; nothing was written",
            hint="add --git, which makes it one, or leave out --hook",
        )
    top, common = (os.fsdecode(line) for line in said.splitlines())
    elsewhere = ask(place, "config", "--get", "core.hooksPath", patience=_PATIENCE)
    if elsewhere is not None:
        folder = os.fsdecode(elsewhere).strip()
        raise Conflict(
            f"git's hooks are kept in {folder} (core.hooksPath), which is not for this command to change;"
            " nothing was written",
            hint=f"let the pre-commit hook there run `{COMMAND}`",
        )
    return NewFile(
        path=Path(os.path.realpath(place / common), "hooks", "pre-commit"),
        text=_text(relpath(project, os.path.realpath(top)), jobs_dir),
        executable=True,
    )


def _text(project: str, jobs_dir: str) -> str:
    program = Path(sys.executable).with_name("jeeves-runner")
    return template("pre-commit.sh").format(
        project=shlex.quote(project), jobs_dir=shlex.quote(jobs_dir), program=shlex.quote(str(program))
    )
