"""Decisions about runs, told to the callers that wait for them once their rows say them."""

import asyncio
from collections.abc import Iterable


class Decisions:
    """Who waits for which run. ``tell`` is called after the commit of a decision, and wakes them."""

    def __init__(self) -> None:
        self._awaited: dict[int, set[asyncio.Future[None]]] = {}

    def tell(self, run_ids: Iterable[int]) -> None:
        """Their rows say that they run, for what they wait, or that they have ended."""
        if not self._awaited:
            return
        for run_id in run_ids:
            for waiter in self._awaited.pop(run_id, ()):
                if not waiter.done():
                    waiter.set_result(None)

    async def wait(self, run_id: int) -> None:
        """Wait until it is told of a run."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited.setdefault(run_id, set()).add(waiter)
        try:
            await waiter
        finally:
            self._forget(run_id, waiter)

    def _forget(self, run_id: int, waiter: "asyncio.Future[None]") -> None:
        waiters = self._awaited.get(run_id)
        if waiters is None:
            return
        waiters.discard(waiter)
        if not waiters:
            del self._awaited[run_id]
