"""Writing a project's first files: whole or not at all, and never over what somebody else wrote."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from jeeves_runner.errors import JeevesError

SCHEMA_DIR: Final = ".jeeves-runner"
MANIFEST_SCHEMA: Final = f"{SCHEMA_DIR}/manifest.schema.json"
CONFIG_SCHEMA: Final = f"{SCHEMA_DIR}/config.schema.json"

#: Where each template of a new project goes, relative to its root.
PROJECT: Final[Mapping[str, str]] = {
    "jeeves-runner.yaml": "jeeves-runner.yaml",
    "hello.yaml": "jobs.d/hello.yaml",
    "hello.py": "scripts/hello.py",
    "pre-commit-config.yaml": ".pre-commit-config.yaml",
    "workflow.yml": ".github/workflows/jobs.yml",
    "gitignore": ".gitignore",
}


class Fate(StrEnum):
    """What became of a file that was to be written."""

    WRITTEN = "wrote"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewFile:
    """A file to write: its text and whether it can be executed."""

    path: Path
    text: str
    executable: bool = False


def template(name: str) -> str:
    """The text of a template."""
    return resources.files("jeeves_runner.templates").joinpath(name).read_text(encoding="utf-8")


def project_files(root: Path, schemas: Mapping[str, Mapping[str, Any]]) -> Iterator[NewFile]:
    """All files of a new project. ``schemas``: JSON Schemas by their path below ``root``."""
    for name, target in PROJECT.items():
        yield NewFile(path=root / target, text=template(name), executable=target.startswith("scripts/"))
    for target, schema in schemas.items():
        yield NewFile(path=root / target, text=json.dumps(schema, ensure_ascii=False, indent=2) + "\n")


def write(file: NewFile, *, force: bool = False) -> Fate:
    """Write one file unless another one is there; JeevesError when the system refuses."""
    try:
        present = _present(file.path)
        if present == file.text.encode():
            return Fate.UNCHANGED
        if present is not None and not force:
            return Fate.SKIPPED
        file.path.parent.mkdir(parents=True, exist_ok=True)
        _replace(file)
    except OSError as error:
        raise JeevesError(f"{file.path} cannot be written: {error.strerror}") from None
    return Fate.WRITTEN if present is None else Fate.REPLACED


def _present(path: Path) -> bytes | None:
    """What stands at ``path``; None for nothing. A link that leads nowhere counts as something."""
    if not path.exists() and not path.is_symlink():
        return None
    return path.read_bytes() if path.exists() else b""


def _replace(file: NewFile) -> None:
    with NamedTemporaryFile("wb", dir=file.path.parent, prefix=".", delete=False) as draft:
        draft.write(file.text.encode())
        umask = os.umask(0)
        os.umask(umask)
        os.fchmod(draft.fileno(), (0o777 if file.executable else 0o666) & ~umask)
    Path(draft.name).replace(file.path)
