"""The clock of a runner is watched: what is done when it is set, at a start, and while it is believed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.clock import NOON, HandClock
from support.runs import Place, WriterAtOnce, job

from jeeves_runner.clock import to_text
from jeeves_runner.core.wrong_clock import REST, START_PATIENCE
from jeeves_runner.db import clock_events, queue_claims, queue_enqueue
from jeeves_runner.db.runner import begin_epoch, runner_row
from jeeves_runner.errors import DatabaseBusy
from jeeves_runner.runner import clock_watch
from jeeves_runner.runner.clock_watch import Begun, ClockWatch, begin_with_clock, wait_for_the_clock


class Desk:
    """A runner's watch on a clock that is moved by hand."""

    def __init__(self, root: Path) -> None:
        self.clock = HandClock()
        self.place = Place(root, self.clock)
        self.place.apply(job("a", schedule=("0 * * * *",)))
        self.rights = 0
        self.begun = self.start()
        self.watch = self.new_watch()

    def start(self) -> Begun:
        """Another runner takes over."""
        with self.place.write() as tx:
            return begin_with_clock(tx, lambda tx: begin_epoch(tx, 1, "boot"))

    def new_watch(self) -> ClockWatch:
        def on_put_right() -> None:
            self.rights += 1

        return ClockWatch(
            writer=WriterAtOnce(self.place),
            clock=self.clock,
            epoch=self.begun.epoch,
            on_put_right=on_put_right,
        )

    async def restart(self) -> None:
        self.begun = self.start()
        self.watch = self.new_watch()
        await self.watch.begin(self.begun, self.place.conn)

    @property
    def seen(self) -> datetime | None:
        return clock_events.seen_time(self.place.conn).seen_at

    def lease(self, length: timedelta) -> None:
        with self.place.write() as tx:
            queue_enqueue.enqueue(tx, "mail", ["1"])
            queue_claims.claim(tx, "mail", lease_ms=round(length.total_seconds() * 1000))

    @property
    def lease_until(self) -> str:
        return str(self.place.value("SELECT max(lease_until) FROM queue_items"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(30):
            await scene()

    asyncio.run(main())


@pytest.mark.parametrize("ahead", [{"hours": 4}, {"days": 730}], ids=["4 hours", "2 years"])
def test_a_clock_that_is_put_right_has_its_traces_put_right(
    desk: Desk, caplog: pytest.LogCaptureFixture, ahead: dict[str, float]
) -> None:
    async def scene() -> None:
        desk.clock.set(**ahead)
        assert not await desk.watch.look()
        desk.lease(timedelta(minutes=1))
        desk.clock.advance(seconds=1)
        desk.clock.set(**{unit: -number for unit, number in ahead.items()})
        assert await desk.watch.look()
        assert not await desk.watch.look()

    play(scene)
    assert desk.lease_until == "2026-03-01T12:01:01.000Z"
    assert desk.rights == 1
    assert desk.seen == NOON + timedelta(seconds=1)
    assert "the clock was set back by" in caplog.text
    assert "waits shortened: 1" in caplog.text


def test_jobs_go_on_from_the_moment_in_which_the_clock_was_put_right(
    desk: Desk,
) -> None:
    async def scene() -> None:
        await desk.watch.look()
        with desk.place.write() as tx:
            tx.conn.execute("UPDATE jobs SET decided_until = ?", (to_text(NOON + timedelta(days=9)),))
        desk.clock.set(hours=-4)
        desk.clock.advance(seconds=1)
        await desk.watch.look()

    play(scene)
    assert desk.place.value("SELECT decided_until FROM jobs") == to_text(NOON - timedelta(hours=4))


def test_what_the_database_did_not_take_is_put_right_by_the_next_look(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_options: Any) -> None:
        raise DatabaseBusy("locked")

    async def scene() -> None:
        desk.clock.set(hours=4)
        await desk.watch.look()
        desk.lease(timedelta(minutes=1))
        desk.clock.set(hours=-4)
        with monkeypatch.context() as patch:
            patch.setattr(clock_events, "put_right", fail)
            with pytest.raises(DatabaseBusy):
                await desk.watch.look()
        assert await desk.watch.look()

    play(scene)
    assert desk.lease_until == to_text(NOON + timedelta(minutes=1))


def test_a_suspend_puts_nothing_right(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def scene() -> None:
        desk.clock.advance(hours=9)
        assert not await desk.watch.look()

    monotonic = desk.clock.monotonic
    desk.clock.monotonic = lambda: min(monotonic(), 1.0)  # type: ignore[method-assign]
    play(scene)
    assert desk.rights == 0
    assert "the machine slept for 8h 59m" in caplog.text
    assert "set" not in caplog.text


def test_the_time_is_noted_each_minute(desk: Desk) -> None:
    async def scene() -> None:
        await desk.watch.begin(desk.begun, desk.place.conn)
        for _ in range(70):
            desk.clock.advance(seconds=1)
            await desk.watch.look()

    play(scene)
    assert desk.seen == NOON + timedelta(seconds=60)


# Starts


def test_a_start_puts_right_what_a_clock_ahead_left_to_a_runner_that_died(desk: Desk) -> None:
    async def scene() -> None:
        await desk.watch.begin(desk.begun, desk.place.conn)
        desk.clock.set(hours=2)
        desk.lease(timedelta(minutes=1))  # by a script, after the runner had died
        desk.clock.set(hours=-2)
        await desk.restart()

    play(scene)
    assert desk.lease_until == to_text(NOON + timedelta(minutes=1))
    assert desk.rights == 1


def test_a_start_with_a_right_clock_changes_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        await desk.watch.begin(desk.begun, desk.place.conn)
        desk.lease(timedelta(hours=9))
        desk.clock.advance(hours=2)
        await desk.restart()

    play(scene)
    assert desk.rights == 0
    assert caplog.text == ""


def test_a_start_far_behind_waits_for_the_clock_and_says_why(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        desk.clock.advance(seconds=seconds)
        if len(waited) == 10:
            desk.clock.set(hours=4)

    monkeypatch.setattr(clock_watch, "sleep", sleep)

    async def scene() -> None:
        await desk.watch.begin(desk.begun, desk.place.conn)
        desk.clock.set(hours=-4)
        desk.begun = desk.start()
        row = runner_row(desk.place.conn)
        assert row is not None
        assert row.waits_for == (
            "the clock says 2026-03-01T08:00:00.000Z, 4h before what a server last saw: it may be wrong"
        )
        assert await wait_for_the_clock(desk.begun, desk.clock)
        await desk.new_watch().begin(desk.begun, desk.place.conn)
        row = runner_row(desk.place.conn)
        assert row is not None
        assert row.waits_for is None

    play(scene)
    assert len(waited) == 10
    assert desk.rights == 0
    assert "the start waits up to 2m: the clock says" in caplog.text


def test_a_start_waits_two_minutes_and_goes_on_from_now(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(seconds: float) -> None:
        desk.clock.advance(seconds=seconds)

    monkeypatch.setattr(clock_watch, "sleep", sleep)

    async def scene() -> None:
        desk.clock.set(days=730)
        await desk.watch.begin(desk.begun, desk.place.conn)
        desk.lease(timedelta(minutes=1))
        desk.clock.set(days=-730)
        desk.begun = desk.start()
        await wait_for_the_clock(desk.begun, desk.clock)
        desk.watch = desk.new_watch()
        await desk.watch.begin(desk.begun, desk.place.conn)
        later = NOON + START_PATIENCE
        assert desk.clock.time == later
        assert desk.lease_until == to_text(later + timedelta(minutes=1))
        await wait_for_the_clock(desk.start(), desk.clock)  # the next start has nothing to wait for
        assert desk.clock.time == later

    play(scene)


# Ages


def test_after_a_leap_ages_count_by_the_time_before_over_restarts_for_a_day(desk: Desk) -> None:
    async def scene() -> None:
        await desk.watch.begin(desk.begun, desk.place.conn)
        desk.clock.set(days=400)
        await desk.watch.look()
        assert desk.watch.time_of_age() == NOON
        desk.clock.advance(hours=1)
        assert desk.watch.time_of_age() == NOON + timedelta(hours=1)
        await desk.watch.look()
        await desk.restart()
        assert desk.watch.time_of_age() == NOON + timedelta(hours=1)
        desk.clock.advance(seconds=REST.total_seconds() - 3600)
        await desk.watch.look()
        assert desk.watch.time_of_age() == desk.clock.time

    play(scene)


def test_a_start_after_a_leap_counts_ages_by_the_time_that_was_seen_last(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        await desk.watch.begin(desk.begun, desk.place.conn)
        desk.clock.set(days=400)
        await desk.restart()
        assert desk.watch.time_of_age() == NOON

    play(scene)
    assert "either none ran, or the clock is wrong" in caplog.text
