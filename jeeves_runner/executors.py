"""Which executors there are, made from the config. A new one is added here."""

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from jeeves_runner.clock import Clock
from jeeves_runner.config import Config, GatewayConfig
from jeeves_runner.core.model import JobSpec, JobType
from jeeves_runner.execute.contract import Executor
from jeeves_runner.execute.local.direct import DirectSpawner
from jeeves_runner.execute.local.environment import Surroundings
from jeeves_runner.execute.local.executor import LocalExecutor
from jeeves_runner.execute.local.launch import NAME as LOCAL
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.roster import Roster
from jeeves_runner.execute.local.starter_pool import StarterPool
from jeeves_runner.execute.origin import RunOrigin
from jeeves_runner.execute.registry import Executors

_BY_TYPE: Final = {JobType.SCRIPT: LOCAL, JobType.SESSION: "session"}


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
    executors: list[Executor] = [
        LocalExecutor(launcher, surroundings, slots=config.max_concurrency, taken=taken)
    ]
    if config.gateway.url is not None:
        executors.append(_session_executor(config.gateway, config.gateway.url, clock, stack))
    return Executors(executors, _executor_of, RunOrigin.here(config.db_path))


def _session_executor(
    gateway: GatewayConfig, url: str, clock: Clock, stack: AsyncExitStack | None
) -> Executor:
    # An HTTP client takes long to load, and most runners have no use for it.
    from jeeves_runner.execute.session.executor import SessionExecutor
    from jeeves_runner.execute.session.gateway import Gateway
    from jeeves_runner.execute.session.token import read_token

    client = Gateway(
        url, partial(read_token, gateway.token_path, os.environ), timeout=gateway.timeout_ms / 1000
    )
    sessions = SessionExecutor(client, clock, slots=gateway.max_sessions)
    if stack is not None:
        stack.push_async_callback(sessions.close)
    return sessions


def _executor_of(spec: JobSpec) -> str:
    return _BY_TYPE.get(spec.type, str(spec.type))
