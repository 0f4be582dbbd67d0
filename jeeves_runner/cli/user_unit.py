"""The unit that ``init --systemd`` writes: a systemd service of the user who asks, for one project."""

import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jeeves_runner.cli.scaffold import NewFile, template
from jeeves_runner.errors import Conflict

_ODD: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def unit_of(project: Path, env: Mapping[str, str]) -> NewFile:
    """The unit for a project, in the folder where the user's systemd looks.

    ``project`` is its real path, ``env`` the environment of this command. Conflict where there is no systemd,
    or where a path cannot stand in a unit.
    """
    programs = env.get("PATH", os.defpath)
    if shutil.which("systemctl", path=programs) is None:
        raise Conflict(
            "there is no systemctl on the PATH, so no systemd; nothing was written",
            hint="leave out --systemd; any other service manager can start `jeeves-runner serve`",
        )
    program = Path(sys.executable).with_name("jeeves-runner")
    words = [str(program)] if program.exists() else [sys.executable, "-m", "jeeves_runner"]
    path = ":".join(folder for folder in dict.fromkeys(programs.split(":")) if folder.startswith("/"))
    for text in (str(project), *words, path):
        if _CONTROL.search(text):
            raise Conflict(f"a path with a control character cannot stand in a unit: {text!a}")
    return NewFile(
        path=_units(env) / f"{name_of(project)}.service",
        text=template("user.service").format(
            project=_specifiers(str(project)),
            program=" ".join(_quoted(word) for word in words),
            path=_quoted(f"PATH={path}", dollars="$"),
        ),
    )


def name_of(project: Path) -> str:
    """The name of a project's unit, without its suffix: ``jeeves-runner-my-jobs`` for ``/srv/my-jobs``."""
    return f"jeeves-runner-{_ODD.sub('-', project.name).strip('-.') or 'root'}"


def _units(env: Mapping[str, str]) -> Path:
    configs = env.get("XDG_CONFIG_HOME", "")
    folder = Path(configs) if configs.startswith("/") else Path.home() / ".config"
    return folder / "systemd" / "user"


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(word: str, dollars: str = "$$") -> str:
    """A word of a command of a unit. ``dollars``: what stands for ``$``, which is one of a variable there."""
    escaped = _specifiers(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", dollars)
    return f'"{escaped}"'
