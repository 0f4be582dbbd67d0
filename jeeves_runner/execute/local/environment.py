"""The environment of a run's program."""

import os
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from jeeves_runner.core.inheritance import Patterns, is_inherited
from jeeves_runner.core.model import Secret
from jeeves_runner.core.params import param_variables
from jeeves_runner.execute.contract import Order, RunFacts
from jeeves_runner.execute.faults import refused
from jeeves_runner.execute.local.processes import DATABASE_VARIABLE, MARK_VARIABLE
from jeeves_runner.execute.local.secret_values import masking_fault
from jeeves_runner.execute.output.masks import check_size
from jeeves_runner.execute.run_variables import facts_as_variables, resolved


class Surroundings(NamedTuple):
    """What all runs of a runner on this machine share. Paths are absolute."""

    project_dir: str
    """The project root, where relative paths of the manifests start."""
    data_dir: str
    """The data folder."""
    db_path: str
    """The database's file, which the client opens; its real path, by which a run's processes are known."""
    runners: Mapping[str, str]
    """The config's commands that run scripts, by file extension without the dot."""
    base_env: Mapping[str, str]
    """The runner's own environment: secrets are taken from it, and runs inherit the rest."""
    inherit_env: Patterns = None
    """Which variables of it runs may inherit; None: all."""


class Environment(NamedTuple):
    """What a run's program is started with. It holds secrets: keep it out of texts."""

    variables: Mapping[bytes, bytes]
    """All of them, as the system takes them."""
    secrets: tuple[str, ...]
    """The secret values among them."""
    unmasked: tuple[str, ...]
    """For each secret that the output will show as it is, its variable and why, in a sentence."""


def build_environment(order: Order, around: Surroundings, taken: frozenset[str] = frozenset()) -> Environment:
    """The whole environment of a run.

    ``taken``: the variables that live jobs take as secrets, which no run inherits. Raises InvalidValue for a
    secret that cannot be read, and for what no variable can carry.
    """
    own: dict[str, str] = {}
    secrets: list[str] = []
    unmasked: list[str] = []
    for name, value in order.spec.env:
        if isinstance(value, Secret):
            own[name] = resolved(name, value, around.project_dir, around.base_env)
            secrets.append(own[name])
            if (fault := masking_fault(own[name])) is not None:
                unmasked.append(f"env {name}: {fault.message}; {fault.hint}")
        else:
            own[name] = value
    for name in sorted(order.run.secret_params):
        secrets.append(order.run.params[name])
        if (fault := masking_fault(order.run.params[name])) is not None:
            unmasked.append(f"parameter {name}: {fault.message}; {fault.hint}")
    if secrets:
        check_size(secrets)
    if "PATH" in own:
        own["PATH"] = with_own_bin(own["PATH"])
    own |= _facts_as_variables(order.run, around) | param_variables(order.run.params)
    try:
        inherited = _inherited(tuple(around.base_env.items()), around.inherit_env, taken)
        return Environment(inherited | _encoded(own), tuple(secrets), tuple(unmasked))
    except UnicodeEncodeError as error:
        raise refused(str(error)) from error


@lru_cache(maxsize=4)
def _inherited(
    base: tuple[tuple[str, str], ...], patterns: Patterns, taken: frozenset[str]
) -> MappingProxyType[bytes, bytes]:
    """The part of the runner's environment that every run inherits, encoded once for all of them."""
    environment = {name: value for name, value in base if is_inherited(name, patterns, taken)}
    environment["PATH"] = with_own_bin(environment.get("PATH") or os.defpath)
    return MappingProxyType(_encoded(environment))


def _encoded(environment: Mapping[str, str]) -> dict[bytes, bytes]:
    return {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}


def with_own_bin(path: str) -> str:
    """PATH with the folder of the runner's Python first: that Python can import the client."""
    own = str(Path(sys.executable).parent)
    others = [folder for folder in path.split(os.pathsep) if folder != own]
    return os.pathsep.join([own, *others])


def _facts_as_variables(run: RunFacts, around: Surroundings) -> dict[str, str]:
    variables = {
        **facts_as_variables(run),
        MARK_VARIABLE: run.mark,
        "JR_PROJECT_DIR": around.project_dir,
        "JR_DATA_DIR": around.data_dir,
        DATABASE_VARIABLE: around.db_path,
    }
    return {name: value for name, value in variables.items() if value is not None}
