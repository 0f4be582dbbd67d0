"""The runner as a process of its own: its signals, its threads, its service manager, and its end in time."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
from jeeves_runner.execute.local.spawn import raise_open_file_limit
from jeeves_runner.runner.interpreter import favour_event_loop
from jeeves_runner.runner.lookups import look_up_aside
from jeeves_runner.runner.loop_watch import LoopWatch
from jeeves_runner.runner.shared_threads import COUNT, started_threads
from jeeves_runner.runner.signals import LOOKS, SignalThread
from jeeves_runner.runner.stop import SLACK, Stop
from jeeves_runner.runner.supervisor import Supervisor
from jeeves_runner.service import Runner

_AFTERTHOUGHT: Final = 1.0
"""Seconds that the interpreter gets for its own end after a stop that has left something."""


async def serve(
    config: Config,
    clock: Clock,
    *,
    paused: bool = False,
    ready: Callable[[str], None] = lambda _url: None,
    exit_code: Callable[[BaseException | None], int] = lambda fault: 0 if fault is None else 2,
) -> None:
    """Run until SIGTERM, SIGINT or SIGQUIT, or until a part fails. Takes over all signals of the process.

    ``paused``: nothing runs until all jobs are resumed. ``ready`` gets the address once jobs are scheduled
    and HTTP answers. Raises JeevesError for what keeps the runner from starting (the port, the lock, the
    database, another source) and Fenced when another runner took over. A stop that does not end in its time
    ends the process: with the ``exit_code`` of the fault it stopped for, None if it was told to.
    """
    favour_event_loop()
    open_files = raise_open_file_limit()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(started_threads(COUNT, "shared"))
    look_up_aside(loop)
    supervisor = Supervisor.of(os.environ, clock)
    signals = SignalThread(
        clock,
        deliver=lambda number: loop.call_soon_threadsafe(obey, number),
        patience=config.shutdown_grace_ms / 1000 + SLACK,
        last_words=lambda: f"the stop did not end in time; this process leaves behind {stop.what_is_left}",
        exit_code=lambda: exit_code(stop.fault),
    )

    def obey(number: int) -> None:
        runner.on_signal(number)
        if number in LOOKS:
            supervisor.reloaded()

    def begun(ends_at: float) -> None:
        signals.leave_at(ends_at)
        supervisor.stopping()

    stop = Stop(clock, config.db_path, begun=begun)
    watch = LoopWatch(loop, clock)
    try:
        async with supervisor.informed(), AsyncExitStack() as stack:
            runner = Runner(config, clock, stack, open_files, stop=stop, paused=paused, loop=watch.health)
            signals.start()
            watch.start()
            try:
                if await runner.start():
                    ready(runner.url)
                    supervisor.ready(f"answers on {runner.url}")
                    await runner.until_stopped()
            except BaseException as error:
                runner.stop(error)
                raise
    finally:
        watch.end()
        if stop.unfinished:
            # All else is done, and what is left would keep the interpreter from its end.
            signals.leave_at(clock.monotonic() + _AFTERTHOUGHT)
