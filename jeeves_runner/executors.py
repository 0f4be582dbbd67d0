"""Which executors there are, made from the config. A new one is added here."""

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
from jeeves_runner.core.model import JobSpec, JobType
from jeeves_runner.execute.local.direct import DirectSpawner
from jeeves_runner.execute.local.environment import Surroundings
from jeeves_runner.execute.local.executor import LocalExecutor
from jeeves_runner.execute.local.launch import NAME as LOCAL
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.roster import Roster
from jeeves_runner.execute.local.starter_pool import StarterPool
from jeeves_runner.execute.origin import RunOrigin
from jeeves_runner.execute.registry import Executors

_BY_TYPE: Final = {JobType.SCRIPT: LOCAL}


def make_executors(
    config: Config,
    clock: Clock,
    stack: AsyncExitStack | None = None,
    *,
    open_files: int | None = None,
    taken: Callable[[], frozenset[str]] = frozenset,
) -> Executors:
    """Those of this config. The ``stack`` ends what they have begun; without one they are to start nothing.

    ``open_files``: the soft limit on open files that scripts get; None: this process's own. ``taken`` tells
    which variables of this process live jobs take as secrets now.
    """
    starters = StarterPool(clock, DirectSpawner(clock, open_files=open_files), open_files=open_files)
    if stack is not None:
        stack.callback(starters.close)
    launcher = Launcher(clock, roster=Roster(config.db_path), spawner=starters)
    surroundings = Surroundings(
        project_dir=str(config.root),
        data_dir=str(config.data_dir),
        db_path=str(config.db_path),
        runners=config.runners,
        base_env=dict(os.environ),
        inherit_env=config.inherit_env,
    )
    local = LocalExecutor(launcher, surroundings, slots=config.max_concurrency, taken=taken)
    return Executors([local], _executor_of, RunOrigin.here(config.db_path))


def _executor_of(spec: JobSpec) -> str:
    return _BY_TYPE.get(spec.type, str(spec.type))
