"""The first files of a project. Each is written whole or not at all, and never over another's file."""

import json
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from os.path import relpath
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from jeeves_runner.errors import Conflict, JeevesError

SCHEMA_DIR: Final = ".jeeves-runner"
MANIFEST_SCHEMA: Final = f"{SCHEMA_DIR}/manifest.schema.json"
CONFIG_SCHEMA: Final = f"{SCHEMA_DIR}/config.schema.json"

JOBS_DIR: Final = "jobs.d"

_DEFAULT_ZONE: Final = "# timezone: UTC              # of schedules that name none"

#: Where each template of a new project goes, relative to its root.
PROJECT: Final[Mapping[str, str]] = {
    "jeeves-runner.yaml": "jeeves-runner.yaml",
    "hello.yaml": f"{JOBS_DIR}/hello.yaml",
    "hello.py": "scripts/hello.py",
    "pre-commit-config.yaml": ".pre-commit-config.yaml",
    "workflow.yml": ".github/workflows/jobs.yml",
    "gitignore": ".gitignore",
}

_EXAMPLE: Final = ("hello.yaml", "hello.py")
"""The templates of the job that shows how one is declared."""


class Fate(StrEnum):
    """What became of a file that was to be written; the value is the word ``init`` prints."""

    WRITTEN = "wrote"
    REPLACED = "replaced"
    EXTENDED = "extended"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewFile:
    """A file to write."""

    path: Path
    text: str
    executable: bool = False
    generated: bool = False
    """It is not made to be edited, so an older one is replaced."""
    lines: bool = False
    """Each of its lines stands for itself, so a file that is there gets the lines it lacks."""


def template(name: str) -> str:
    """The text of a template."""
    return resources.files("jeeves_runner.templates").joinpath(name).read_text(encoding="utf-8")


def project_files(
    root: Path,
    schemas: Mapping[str, Mapping[str, Any]],
    jobs_dir: str = JOBS_DIR,
    *,
    zone: str | None = None,
    requirement: str,
) -> Iterator[NewFile]:
    """All files of a new project.

    ``schemas``: JSON Schemas, by their path below ``root``. ``jobs_dir``: the folder of manifests, as seen
    from ``root``. ``zone``: the time zone of its schedules; without one the config names the default.
    ``requirement``: what its workflow has pip install. The example job is left out where people have deleted
    it, or have jobs of their own: a server that runs would start it.
    """
    wants_example = _is_without_jobs(root, root / jobs_dir)
    to_schemas = Path(relpath(root / SCHEMA_DIR, root / jobs_dir)).as_posix()
    for name, target in PROJECT.items():
        place = root / target.replace(JOBS_DIR, jobs_dir)
        if name in _EXAMPLE and not (wants_example or os.path.lexists(place)):
            continue
        text = template(name)
        if name == "hello.yaml":
            text = text.replace(f"../{SCHEMA_DIR}", to_schemas)
        elif name == "workflow.yml":
            text = text.replace("{requirement}", shlex.quote(requirement))
        elif name == "jeeves-runner.yaml" and zone is not None:
            text = text.replace(_DEFAULT_ZONE, f"timezone: {zone:<18} # of schedules that name none")
        yield NewFile(
            path=place,
            text=text,
            executable=target.startswith("scripts/"),
            lines=name == "gitignore",
        )
    for target, schema in schemas.items():
        text = json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        yield NewFile(path=root / target, text=text, generated=True)


def _is_without_jobs(root: Path, jobs: Path) -> bool:
    """Whether there were never jobs, as far as the folder shows. JeevesError if one may not look."""
    if not os.path.isdir(jobs):  # noqa: PTH112 - is_dir() raises where one may not look
        return True
    if os.path.lexists(root / PROJECT["jeeves-runner.yaml"]):
        return False
    try:
        return not os.listdir(jobs)  # noqa: PTH208
    except OSError as error:
        raise JeevesError(f"{jobs} cannot be read: {error.strerror}; nothing was written") from None


def refuse_obstacles(files: Iterable[NewFile]) -> None:
    """Conflict if something that is no folder stands where a file's folder should be."""
    for file in files:
        for place in file.path.parents:
            is_folder = os.path.isdir(place)  # noqa: PTH112 - is_dir() raises where one may not look
            if os.path.lexists(place) and not is_folder:
                raise Conflict(
                    f"{place} is no folder, and {file.path} is to be written below it; nothing was written",
                    hint="move it away, or choose another folder",
                )


def write(file: NewFile, *, force: bool = False) -> Fate:
    """Write one file, unless there is one; JeevesError if the system refuses.

    ``force`` replaces a file that is there and differs.
    """
    try:
        present = _present(file.path)
        if present is None:
            file.path.parent.mkdir(parents=True, exist_ok=True)
            return Fate.WRITTEN if _put(file, file.text.encode(), over=False) else Fate.SKIPPED
        if present == file.text.encode():
            return Fate.UNCHANGED
        if file.lines and file.path.exists():
            return _extend(file, present)
        if not (force or file.generated):
            return Fate.SKIPPED
        _put(file, file.text.encode(), over=True)
    except OSError as error:
        raise JeevesError(f"{file.path} cannot be written: {error.strerror}") from None
    return Fate.REPLACED


def _present(path: Path) -> bytes | None:
    """The bytes of a file; None if there is none. A link that leads nowhere is a file, and empty."""
    if not path.exists() and not path.is_symlink():
        return None
    return path.read_bytes() if path.exists() else b""


def _extend(file: NewFile, present: bytes) -> Fate:
    """Add the missing lines, if one of them is no comment."""
    known = present.decode("utf-8", "replace").splitlines()
    missing = [line for line in file.text.splitlines() if line not in known]
    if all(line.startswith("#") for line in missing):
        return Fate.UNCHANGED
    gap = b"" if not present or present.endswith(b"\n") else b"\n"
    _put(file, present + gap + "".join(f"{line}\n" for line in missing).encode(), over=True)
    return Fate.EXTENDED


def _put(file: NewFile, data: bytes, *, over: bool) -> bool:
    """Write a file whole. False if there is one meanwhile, and it must not be written ``over``."""
    with NamedTemporaryFile("wb", dir=file.path.parent, prefix=".", delete=False) as draft:
        try:
            draft.write(data)
            draft.flush()
            umask = os.umask(0)
            os.umask(umask)
            mode = (0o777 if file.executable else 0o666) & ~umask
            if over and file.path.exists():
                mode = file.path.stat().st_mode & 0o7777
            os.fchmod(draft.fileno(), mode)
            if over:
                Path(draft.name).replace(file.path)
                return True
            os.link(draft.name, file.path)  # a rename would replace a file that came meanwhile
        except FileExistsError:
            return False
        finally:
            Path(draft.name).unlink(missing_ok=True)
    return True
