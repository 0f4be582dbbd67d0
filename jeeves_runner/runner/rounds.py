"""Work that is done at intervals: a round that fails is told once, and the next one makes up for it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from jeeves_runner.errors import JeevesError
from jeeves_runner.troubles import Trouble


async def in_rounds(
    work: Callable[[], Awaitable[object]],
    every: float,
    log: logging.Logger,
    *,
    failed: str,
    over: str,
    passing: tuple[type[Exception], ...] = (JeevesError,),
) -> None:
    """Do it, and again ``every`` so many seconds later, until cancelled.

    ``failed`` and ``over``: the lines of the ``log`` for a failure, which follows it, and for its end.
    ``passing``: the errors that a next round can make up for; any other ends this.
    """
    trouble = Trouble(log, over=over)
    while True:
        try:
            await work()
        except passing as error:
            trouble.met(f"{failed}: {error}", logging.ERROR)
        else:
            trouble.over()
        await asyncio.sleep(every)
