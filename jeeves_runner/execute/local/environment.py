"""The environment of a run's program."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG

from jeeves_runner.core.model import Secret
from jeeves_runner.core.params import param_variables
from jeeves_runner.errors import InvalidValue
from jeeves_runner.execute.local.processes import MARK_VARIABLE

_RESERVED = "JR_"
_MAX_SECRET = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """What a run is told about itself and its surroundings; paths are absolute."""

    run_id: int
    """The run's id."""
    mark: str
    """Random text by which the run's processes are found again."""
    attempt: int
    """From 1; further ones are retries."""
    trigger: str
    """Why the run exists: a word of ``core.model.Trigger``."""
    scheduled_for: str | None
    """The occurrence it runs for, in the database's form of times; None without one."""
    namespace: str
    """Where the job keeps its state: the id it was created with."""
    project_dir: str
    """Relative paths of the manifests start here."""
    data_dir: str
    """The data folder."""
    db_path: str
    """The database's file, which the client opens."""
    api_url: str | None
    """Where the runner's API listens; None if nowhere."""
    params: Mapping[str, str]
    """The parameters the run was triggered with, by name."""


def build_environment(
    job_id: str, declared: Sequence[tuple[str, str | Secret]], facts: RunFacts, base: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The whole environment of a run, and the secret values in it.

    ``base`` is the runner's own environment; its ``JR_`` variables belong to another run and are
    left out. Raises InvalidValue for a secret that cannot be read.
    """
    environment = dict(_inherited(tuple(base.items())))
    secrets: list[str] = []
    for name, value in declared:
        if isinstance(value, Secret):
            environment[name] = _resolve(name, value, facts, base)
            secrets.append(environment[name])
        else:
            environment[name] = value
    if any(name == "PATH" for name, _ in declared):
        environment["PATH"] = _with_own_bin(environment["PATH"])
    environment["JR_JOB_ID"] = job_id
    return environment | _facts_as_variables(facts) | param_variables(facts.params), tuple(secrets)


@lru_cache(maxsize=4)
def _inherited(base: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The part of the runner's environment that every run inherits."""
    environment = {name: value for name, value in base if not name.startswith(_RESERVED)}
    environment["PATH"] = _with_own_bin(environment.get("PATH") or os.defpath)
    return tuple(environment.items())


def _resolve(name: str, secret: Secret, facts: RunFacts, base: Mapping[str, str]) -> str:
    if secret.kind == "from_env":
        if secret.ref not in base:
            raise InvalidValue(
                f"env {name}: the runner's environment has no variable {secret.ref}",
                hint=f"set {secret.ref} where the runner is started",
            )
        return base[secret.ref]
    path = Path(facts.project_dir, secret.ref)
    try:
        content = _read_secret(path).decode()
    except FileNotFoundError:
        raise InvalidValue(f"env {name}: the secret file does not exist: {path}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidValue(f"env {name}: the secret file cannot be read: {path}: {reason}") from error
    # Editors end a file with a newline that is no part of the secret.
    return content.removesuffix("\n").removesuffix("\r")


def _read_secret(path: Path) -> bytes:
    """All of a small file. ValueError for anything else: reading a pipe or a device might never end."""
    if not S_ISREG(path.stat().st_mode):  # before the open, which has effects on some devices
        raise ValueError("it is not a regular file")
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        content = file.read(_MAX_SECRET + 1) if S_ISREG(os.fstat(fd).st_mode) else None
    if content is None:
        raise ValueError("it is not a regular file")
    if len(content) > _MAX_SECRET:
        raise ValueError(f"it holds over {_MAX_SECRET // 1024} KiB")
    return content


def _with_own_bin(path: str) -> str:
    """PATH with the folder of the runner's Python first: that Python can import the client."""
    own = str(Path(sys.executable).parent)
    others = [folder for folder in path.split(os.pathsep) if folder != own]
    return os.pathsep.join([own, *others])


def _facts_as_variables(facts: RunFacts) -> dict[str, str]:
    variables = {
        "JR_RUN_ID": str(facts.run_id),
        MARK_VARIABLE: facts.mark,
        "JR_ATTEMPT": str(facts.attempt),
        "JR_TRIGGER": facts.trigger,
        "JR_SCHEDULED_FOR": facts.scheduled_for,
        "JR_NAMESPACE": facts.namespace,
        "JR_PROJECT_DIR": facts.project_dir,
        "JR_DATA_DIR": facts.data_dir,
        "JR_DB_PATH": facts.db_path,
        "JR_API_URL": facts.api_url,
    }
    return {name: value for name, value in variables.items() if value is not None}
