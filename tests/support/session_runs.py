"""Runs of type session for tests of their executor: orders, a sink that keeps everything, a quick pace."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.gateway import Double
from support.orders import facts, play

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.model import JobSpec, JobType, SourceType
from jeeves_runner.core.outcome import Ending, Finished
from jeeves_runner.core.session_spec import Session
from jeeves_runner.errors import InvalidValue, JeevesError, StartFailed
from jeeves_runner.execute.contract import Handle, Order, StreamName
from jeeves_runner.execute.session.executor import SessionExecutor
from jeeves_runner.execute.session.gateway import Gateway
from jeeves_runner.execute.session.label import parent_of, tail_of
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

    async def until_nothing_is_said(self) -> None:
        """Wait until what was said last is taken back."""
        while not self.said or self.said[-1]:
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
    return Order(spec, facts(job, run_id))


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


async def arrived(far: Double, name: str) -> None:
    """Wait until the double has seen such a request, in this life of it."""
    while name not in far.counts():  # noqa: ASYNC110 - nothing else tells
        await asyncio.sleep(0.01)


async def how_many(far: Double, of: Order) -> int:
    """Sessions of this run at the gateway, of whatever version it is."""
    tail = tail_of(of.run.job_id, of.run.run_id, of.run.mark)
    gateway = Gateway(far.url, lambda: far.token, timeout=20)
    try:
        args = {"search": tail, "limit": 200}  # older ones do not search
        listed = await gateway.invoke("sessions_list", args, parent=parent_of(of.run.job_id))
        return sum(row["label"].endswith(tail) for row in listed["sessions"])
    finally:
        await gateway.close()


def finished(ending: Ending | None) -> Finished:
    """This end, which must be one that the gateway has told of."""
    assert isinstance(ending, Finished)
    return ending


def end_of(far: Double, of: Order) -> tuple[Finished, Noted]:
    """Run it; how it ended."""

    async def scenario() -> tuple[Finished, Noted]:
        async with sessions(far) as runner:
            ending, sink = await runner.run(of)
            return finished(ending), sink

    ended: tuple[Finished, Noted] = play(scenario)
    return ended


def refusal(far: Double, of: Order, *, pace: Pace = QUICK) -> JeevesError:
    """Have it refused; by what."""

    async def scenario() -> None:
        async with sessions(far, pace=pace) as runner:
            await runner.start(of)

    with pytest.raises((StartFailed, InvalidValue)) as caught:
        play(scenario)
    return caught.value
