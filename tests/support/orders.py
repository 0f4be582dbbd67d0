"""Orders as any executor gets them, and what the next runner knows of a run that was left."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

from jeeves_runner.execute.contract import LeftFacts, Order, RunFacts


def facts(job_id: str = "job", run_id: int = 1) -> RunFacts:
    """Of a first attempt by hand, with a mark that no other has."""
    return RunFacts(
        run_id=run_id,
        job_id=job_id,
        mark=uuid4().hex,
        attempt=1,
        trigger="manual",
        scheduled_for=None,
        namespace=job_id,
        params={},
        api_url=None,
    )


def left(of: Order) -> LeftFacts:
    """What the next runner knows of its run."""
    return LeftFacts(
        run_id=of.run.run_id,
        job_id=of.run.job_id,
        mark=of.run.mark,
        started_at=None,
        origin=None,
        spec=of.spec,
    )


def play(scenario: Callable[[], Coroutine[Any, Any, Any]], seconds: float = 60) -> Any:
    """Run a coroutine in a loop of its own, no longer than that."""

    async def limited() -> Any:
        async with asyncio.timeout(seconds):
            return await scenario()

    return asyncio.run(limited())
