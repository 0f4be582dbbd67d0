"""Runs of type session for tests of their executor: orders, a sink that keeps everything, a quick pace."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from support.gateway import Double

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.model import JobSpec, JobType, Session, SourceType
from jeeves_runner.core.outcome import Ending
from jeeves_runner.execute.contract import Handle, LeftFacts, Order, RunFacts, StreamName
from jeeves_runner.execute.session.executor import SessionExecutor
from jeeves_runner.execute.session.gateway import Gateway
from jeeves_runner.execute.session.pauses import Pace

QUICK = Pace(look=0.05, settle=0.05, pause=0.05, meter=0.05, absent=0.5, set_up=0.3, confirm=20, late=60)
"""Everything in a twentieth of its time or less, but for what a gateway on a slow machine must keep to."""


class Noted:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.secrets: tuple[str, ...] = ()
        self.script_hash: str | None = None
        self.output = b""
        self.said: list[str] = []
        self.tokens: list[int] = []
        self._news = asyncio.Event()

    async def prepared(self, *, secrets: Sequence[str], script_hash: str | None) -> None:
        self.secrets, self.script_hash = tuple(secrets), script_hash

    def write(self, stream: StreamName, data: bytes) -> None:
        assert stream == "stdout"
        self.output += data

    def progress(self, message: str | None = None, tokens: int | None = None) -> None:
        self.said.append(message or "")
        if tokens is not None:
            self.tokens.append(tokens)
        self._news.set()

    async def until_said(self, part: str) -> None:
        """Wait until something is said that has this part."""
        while not any(part in text for text in self.said):
            self._news.clear()
            await self._news.wait()


def order(
    task: str = "MODE:ok", run_id: int = 1, *, job: str = "job", timeout: float | None = None, **session: Any
) -> Order:
    """A run whose prompt is ``task``; ``session``: fields of the spec's ``session``."""
    spec = JobSpec(
        id=job,
        name=job,
        type=JobType.SESSION,
        source_type=SourceType.PROMPT,
        script=task,
        session=Session(**session),
        timeout_ms=None if timeout is None else round(timeout * 1000),
    )
    run = RunFacts(
        run_id=run_id,
        job_id=job,
        mark=uuid4().hex,
        attempt=1,
        trigger="manual",
        scheduled_for=None,
        namespace=job,
        params={},
        api_url=None,
    )
    return Order(spec, run)


def left(of: Order) -> LeftFacts:
    """What the next runner knows of its run."""
    return LeftFacts(
        run_id=of.run.run_id, job_id=of.run.job_id, mark=of.run.mark, started_at=None, origin=None
    )


class Sessions:
    """An executor, and what a test does with it."""

    def __init__(self, executor: SessionExecutor) -> None:
        self.executor = executor

    async def start(self, of: Order) -> tuple[Handle, Noted]:
        sink = Noted()
        return await self.executor.start(of, sink), sink

    async def run(self, of: Order) -> tuple[Ending, Noted]:
        """From the start to the end."""
        handle, sink = await self.start(of)
        return await self.executor.wait(handle, sink), sink


@asynccontextmanager
async def sessions(
    far: Double, *, pace: Pace = QUICK, answers_within: float = 20.0
) -> AsyncIterator[Sessions]:
    """A runner's executor, as long as the block lasts."""
    gateway = Gateway(far.url, lambda: far.token, timeout=answers_within)
    executor = SessionExecutor(gateway, SystemClock(), slots=4, pace=pace)
    try:
        yield Sessions(executor)
    finally:
        await executor.close()


def play(scenario: Callable[[], Coroutine[Any, Any, Any]], seconds: float = 60) -> Any:
    """Run a coroutine in a loop of its own, no longer than that."""

    async def limited() -> Any:
        async with asyncio.timeout(seconds):
            return await scenario()

    return asyncio.run(limited())
