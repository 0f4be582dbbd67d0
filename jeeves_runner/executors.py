"""Which executors there are, made from the config. A new one is added here."""

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
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

if TYPE_CHECKING:
    from jeeves_runner.execute.session.gateway import Gateway

_BY_TYPE: Final = {JobType.SCRIPT: LOCAL, JobType.SESSION: "session"}
_LACKING: Final = {"session": "the config that was read has no `gateway`"}
"""Why there is no executor of a name, where the config decides about it."""


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
    own = config.notifications.variables
    hidden = (lambda: taken() | own) if own else taken
    executors: list[Executor] = [
        LocalExecutor(launcher, surroundings, slots=config.max_concurrency, taken=hidden)
    ]
    if (gateway := make_gateway(config)) is not None:
        executors.append(_session_executor(gateway, clock, config.gateway.max_sessions, stack))
    return Executors(executors, _executor_of, RunOrigin.here(config.db_path), lacking=_LACKING)


def make_gateway(config: Config) -> "Gateway | None":
    """A client of the gateway that the config names, to be closed by the caller; None if it names none."""
    gateway = config.gateway
    if gateway.url is None:
        return None
    # An HTTP client takes long to load, and most runners have no use for it.
    from jeeves_runner.execute.session.gateway import Gateway
    from jeeves_runner.execute.session.token import read_token

    token = partial(read_token, gateway.token_path, os.environ)
    return Gateway(gateway.url, token, timeout=gateway.timeout_ms / 1000)


def _session_executor(gateway: "Gateway", clock: Clock, slots: int, stack: AsyncExitStack | None) -> Executor:
    from jeeves_runner.execute.session.executor import SessionExecutor

    sessions = SessionExecutor(gateway, clock, slots=slots)
    if stack is not None:
        stack.push_async_callback(sessions.close)
    return sessions


def _executor_of(spec: JobSpec) -> str:
    return _BY_TYPE.get(spec.type, str(spec.type))
