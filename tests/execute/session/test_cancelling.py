"""Sessions that are to end, those that cannot be ended, and what comes too late."""

import asyncio
from collections.abc import Iterable

import pytest
from support.gateway import (
    NEWEST,
    OLDEST,
    WITHOUT_TIMEOUT,
    Double,
    Settings,
    answer,
    crash,
    double,
    drop,
    hang,
)
from support.orders import left, play
from support.session_runs import QUICK, Noted, arrived, finished, order, sessions

from jeeves_runner.core.outcome import Cancelled, Finished, Lost, is_confirmed
from jeeves_runner.execute.contract import Handle
from jeeves_runner.execute.session.followed import NEVER_BEGAN
from jeeves_runner.execute.session.gateway import Gateway
from jeeves_runner.execute.session.poller import Poller, Watched
from jeeves_runner.execute.session.reading import Meter


@pytest.mark.parametrize("version", [NEWEST, OLDEST])
def test_a_session_is_cancelled_at_the_gateway(version: str) -> None:
    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            handle, sink = await runner.start(order("MODE:hang"))
            assert not runner.executor.has_ended(handle)
            await runner.executor.cancel(handle, 0)
            await runner.executor.cancel(handle, 0)
            ending = await runner.executor.wait(handle, sink)
            assert finished(ending).status == ("timeout" if version == OLDEST else "cancelled")
            assert runner.executor.has_ended(handle)
            await runner.executor.cancel(handle, 0)

    with double(Settings(version=version)) as far:
        play(lambda: scenario(far))


def test_a_session_that_cannot_be_followed_is_ended_and_its_run_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It would go on, and use tokens, without a run that tells of it."""

    async def broken(_self: Meter, _gateway: Gateway) -> int:
        raise KeyError("a bug")

    monkeypatch.setattr(Meter, "read", broken)

    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            handle, sink = await runner.start(order("MODE:hang", max_tokens=5))
            ending = await runner.executor.wait(handle, sink)
            assert isinstance(ending, Finished)
            assert (ending.status, ending.confirmed) == ("error", False)
            assert ending.message == "its session could not be followed; see the log"
            late = await runner.executor.late(handle)
            assert isinstance(late, Finished)
            assert late.status == "cancelled"

    with double() as far:
        play(lambda: scenario(far))
    (record,) = (record for record in caplog.records if record.levelname == "ERROR")
    assert record.exc_info is not None


def test_a_bug_in_the_looks_is_told_once_and_they_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    times, look = 4, Poller._look

    async def broken(poller: Poller, due: Iterable[Watched]) -> None:
        nonlocal times
        times -= 1
        if times >= 0:
            raise KeyError("a bug")
        await look(poller, due)

    monkeypatch.setattr(Poller, "_look", broken)

    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            ending, _ = await runner.run(order("MODE:ok"))
            assert isinstance(ending, Finished)
            assert ending.status == "ok"

    with double() as far:
        play(lambda: scenario(far))
    (record,) = (record for record in caplog.records if record.levelname == "ERROR")
    assert record.exc_info is not None


def test_one_that_is_being_set_up_is_not_cancelled_before_it_is() -> None:
    """A gateway breaks by that."""

    async def scenario(far: Double) -> None:
        async with sessions(far, pace=QUICK._replace(set_up=10)) as runner:
            handle, sink = await runner.start(order("MODE:hang"))
            await runner.executor.cancel(handle, 0)
            ending = await runner.executor.wait(handle, sink)
            assert finished(ending).status == "cancelled"
            after, _ = await runner.run(order("MODE:ok", 2))
            assert finished(after).status == "ok"

    with double(Settings(setup=0.4)) as far:
        play(lambda: scenario(far))


def test_a_start_that_is_cancelled_before_anything_was_sent_needs_no_gateway_for_that() -> None:
    class Slow(Noted):
        """The masks take their time."""

        def __init__(self) -> None:
            super().__init__()
            self.is_asked = asyncio.Event()

        async def prepared(self, **facts: object) -> None:
            self.is_asked.set()
            await asyncio.Event().wait()

    async def scenario(far: Double) -> None:
        far.switch_on(drop("sessions_list"))
        async with sessions(far) as runner:
            work, sink = order(), Slow()
            start = asyncio.create_task(runner.executor.start(work, sink))
            await sink.is_asked.wait()
            start.cancel()
            await asyncio.gather(start, return_exceptions=True)
            assert await runner.executor.recover(left(work), None) == NEVER_BEGAN
            assert not far.counts()

    with double() as far:
        play(lambda: scenario(far))


def test_a_gateway_that_lets_nothing_be_looked_for_keeps_no_runner_from_starting() -> None:
    """Whether there is a session it may tell later; until then the run goes on."""
    denied = '{"ok":false,"error":{"type":"not_found","message":"Tool not available: sessions_list"}}'

    async def scenario(far: Double) -> None:
        async with sessions(far) as first:
            work = order("MODE:slow=2")
            await first.start(work)
        async with sessions(far) as second:
            far.switch_on(answer("sessions_list", 404, denied, times=None))
            found = await second.executor.recover(left(work), None)
            assert isinstance(found, Handle)
            sink = Noted()
            waiting = asyncio.create_task(second.executor.wait(found, sink))
            await sink.until_said("Tool not available: sessions_list")
            far.switch_off()
            ending = await waiting
            assert finished(ending).status == "ok"

    with double(Settings(speed=20)) as far:
        play(lambda: scenario(far))


def test_one_that_waits_in_the_lane_is_cancelled_without_a_call_of_the_model() -> None:
    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            await runner.start(order("MODE:hang", 1))
            handle, sink = await runner.start(order("MODE:hang", 2))
            await runner.executor.cancel(handle, 0)
            ending = await runner.executor.wait(handle, sink)
            assert finished(ending).status == "cancelled"
            assert len(far.model_calls()) == 1

    with double(Settings(lane=1)) as far:
        play(lambda: scenario(far))


@pytest.mark.parametrize("version", [NEWEST, OLDEST])
def test_a_parent_s_end_is_that_of_its_children(version: str) -> None:
    task = r'MODE:tools=[["sessions_spawn",{"task":"MO\u0044E:hang","label":"child"}]]'

    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            handle, sink = await runner.start(order(task))
            waiting = asyncio.create_task(runner.executor.wait(handle, sink))
            await sink.until_said("waits for the sessions that it has begun")
            await runner.executor.cancel(handle, 0)
            ending = await waiting
            # Its own part had ended before, and well.
            assert finished(ending).status == "ok"

    with double(Settings(version=version)) as far:
        play(lambda: scenario(far))


def test_a_session_that_the_gateway_does_not_find_is_asked_for_again() -> None:
    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            handle, sink = await runner.start(order("MODE:hang"))
            nothing = '{"ok":true,"result":{"details":{"status":"ok","tasks":[]}}}'
            far.switch_on(answer("subagents.list", 200, nothing, times=2))
            await runner.executor.cancel(handle, 0)
            ending = await runner.executor.wait(handle, sink)
            assert finished(ending).status == "cancelled"

    with double() as far:
        play(lambda: scenario(far))


def test_a_gateway_without_a_way_says_so_and_the_rest_comes_late() -> None:
    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            handle, sink = await runner.start(order("MODE:slow=20"))
            await runner.executor.cancel(handle, 0)
            ending = await runner.executor.wait(handle, sink)
            assert isinstance(ending, Cancelled)
            assert not ending.confirmed
            assert ending.message == "this gateway has no way to cancel a session, so it may go on"
            assert sink.output == b""
            late = await runner.executor.late(handle)
            assert isinstance(late, Finished)
            assert (late.status, late.tokens) == ("ok", 1234)

    with double(Settings(version=WITHOUT_TIMEOUT, speed=20)) as far:
        play(lambda: scenario(far))


def test_what_the_gateway_does_not_confirm_is_given_up_and_watched_on() -> None:
    async def scenario(far: Double) -> None:
        async with sessions(far, pace=QUICK._replace(confirm=0.5)) as runner:
            handle, sink = await runner.start(order("MODE:hang"))
            far.switch_on(crash("subagents", times=None))
            await runner.executor.cancel(handle, 0)
            ending = await runner.executor.wait(handle, sink)
            assert isinstance(ending, Cancelled)
            assert not ending.confirmed
            assert ending.message == "the gateway has not said that it ended, so it may go on"
            far.switch_off()  # and it is asked on
            late = await runner.executor.late(handle)
            assert finished(late).status == "cancelled"

    with double() as far:
        play(lambda: scenario(far))


def test_nothing_comes_late_for_ever() -> None:
    async def scenario(far: Double) -> None:
        async with sessions(far, pace=QUICK._replace(late=0.3)) as runner:
            handle, sink = await runner.start(order("MODE:hang"))
            await runner.executor.cancel(handle, 0)
            assert isinstance(await runner.executor.wait(handle, sink), Cancelled)
            assert await runner.executor.late(handle) is None

    with double(Settings(version=WITHOUT_TIMEOUT)) as far:
        play(lambda: scenario(far))


def test_the_next_runner_hears_what_comes_late() -> None:
    async def scenario(far: Double) -> None:
        async with sessions(far) as first:
            handle, _ = await first.start(order("MODE:slow=10"))
            kept = handle.as_json()
        async with sessions(far) as second:
            late = await second.executor.late(Handle.from_json(1, kept))
            assert isinstance(late, Finished)
            assert late.status == "ok"
            assert await second.executor.late(Handle.from_json(1, "{}")) is None

    with double(Settings(speed=20)) as far:
        play(lambda: scenario(far))


def test_over_max_tokens_where_nothing_can_be_cancelled() -> None:
    """Like each end that is not its own word, it is not confirmed, and what comes late is heard."""

    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            handle, sink = await runner.start(order("MODE:steps=3:6", max_tokens=1000))
            ending = await runner.executor.wait(handle, sink)
            assert isinstance(ending, Finished)
            assert ending.status == "error"
            assert ending.message is not None
            assert ending.message.startswith(
                "over max_tokens: it has used 1,234 of 1,000; this gateway has no way"
            )
            assert not is_confirmed(ending)
            late = await runner.executor.late(handle)
            assert isinstance(late, Finished)
            assert late.tokens is not None
            assert ending.tokens is not None
            assert late.tokens > ending.tokens

    with double(Settings(version=WITHOUT_TIMEOUT, speed=20)) as far:
        play(lambda: scenario(far))


@pytest.mark.parametrize("acted", [True, False], ids=["taken", "not taken"])
def test_a_start_that_is_cancelled_is_found_or_was_never_there(acted: bool) -> None:
    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            far.switch_on(hang("sessions_spawn", acted=acted))
            work = order("MODE:hang")
            start = asyncio.create_task(runner.start(work))
            await arrived(far, "sessions_spawn")
            start.cancel()
            with pytest.raises(asyncio.CancelledError):
                await start
            answer = await runner.executor.recover(left(work), None)
            assert isinstance(answer, Lost) != acted
            if not isinstance(answer, Lost):
                await runner.executor.cancel(answer, 0)
                ending = await runner.executor.wait(answer, Noted())
                assert finished(ending).status == "cancelled"

    with double() as far:
        play(lambda: scenario(far))


def test_a_start_that_waits_for_a_gateway_leaves_nothing_to_look_for() -> None:
    async def scenario(far: Double) -> None:
        far.kill()
        async with sessions(far) as runner:
            work, sink = order(), Noted()
            start = asyncio.create_task(runner.executor.start(work, sink))
            await sink.until_said("waits for the gateway")
            start.cancel()
            with pytest.raises(asyncio.CancelledError):
                await start
            async with asyncio.timeout(20):
                assert isinstance(await runner.executor.recover(left(work), None), Lost)

    with double() as far:
        play(lambda: scenario(far))
