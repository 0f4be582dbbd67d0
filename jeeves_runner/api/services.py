"""What the routes need of the rest of the program; ``service`` gives it to them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
from jeeves_runner.core.run import Run
from jeeves_runner.db.connection import Tx
from jeeves_runner.db.run_requests import RunRequest
from jeeves_runner.metrics.metrics import Metrics
from jeeves_runner.reconcile.sync_status import SyncStatus
from jeeves_runner.runner.claim_waits import ClaimWaits
from jeeves_runner.runner.stop import Asked
from jeeves_runner.runs.claims import Claims
from jeeves_runner.views.occurrences import Moments, NextRun
from jeeves_runner.views.sync import ConfigFile

T = TypeVar("T")


class RunControl(Protocol):
    """Starts and ends runs. ``running_ids``: those that run."""

    @property
    def running_ids(self) -> Sequence[int]: ...

    @property
    def claims(self) -> Claims: ...

    @property
    def is_admitting(self) -> bool: ...

    async def enter(self, request: RunRequest) -> Run: ...

    async def cancel(self, run_id: int) -> Run: ...

    async def wait(self, run_id: int) -> Run: ...

    async def decided(self, run_id: int) -> None: ...


class SyncControl(Protocol):
    """Knows how the live jobs stand against the manifests."""

    status: SyncStatus

    def apply_now(self) -> None: ...


class Writes(Protocol):
    """Commits one operation. ``busy_since``: when another process took the lock it waits for; ``lock_moves``:
    how often that has become another."""

    @property
    def busy_since(self) -> datetime | None: ...

    @property
    def lock_moves(self) -> int: ...

    async def write(self, op: Callable[[Tx], T], *, durable: bool = True) -> T: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiServices:
    """``conn`` is for reads of the event loop alone; ``stopping`` is set once the server is to stop.

    ``nudge`` makes the runner look at what was committed beside it; it returns right before the look, and
    ``look_soon`` at once. ``claims`` lets claims wait for items.
    ``moves`` is a number that changes with each change of what ``next_run`` says. ``catching_up`` says when
    each job that is late will catch up. ``began`` is when the server began, in seconds since boot.
    """

    conn: apsw.Connection
    clock: Clock
    config: Config
    config_file: ConfigFile
    runs: RunControl
    sync: SyncControl
    writer: Writes
    next_run: NextRun
    moves: Callable[[], int]
    catching_up: Callable[[], Moments]
    nudge: Callable[[], Awaitable[None]]
    look_soon: Callable[[], None]
    claims: ClaimWaits
    metrics: Metrics
    began: float
    stopping: Asked
