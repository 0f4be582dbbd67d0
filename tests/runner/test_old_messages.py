"""What no channel has taken for a day is given up: as a whole message, and not while it is sent."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from support.outbox import Post, eventually

from jeeves_runner.notify.contract import NotSent
from jeeves_runner.runner import delivery as delivery_module
from jeeves_runner.runner.delivery import Delivery


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Post:
    monkeypatch.setattr(delivery_module, "_BREATH", 0.001)
    monkeypatch.setattr(delivery_module, "_IN_VAIN", 1)
    post = Post(tmp_path)
    post.office.refuses = lambda _: NotSent("it is down")
    return post


async def tried(post: Post, times: int, delivery: Delivery) -> None:
    """Wait until the office was called so often, and what came of it is written down."""
    await eventually(lambda: len(post.office.arrived) == times, delivery)
    await eventually(lambda: not post.ledger.count("outbox", "sending_at IS NOT NULL"))


def test_what_nobody_took_for_a_day_is_given_up(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        post.say("one")
        async with post.delivery() as delivery:
            await eventually(lambda: post.errors() == ["it is down"], delivery)
            post.clock.advance(hours=23)
            await tried(post, 2, delivery)
            assert post.statuses() == ["pending"]
            post.clock.advance(hours=2)
            await eventually(lambda: post.statuses() == ["failed"], delivery)
            await eventually(lambda: "given up" in caplog.text)

    asyncio.run(play())


def test_what_becomes_too_old_while_it_is_sent_is_not_given_up(post: Post) -> None:
    post.office.refuses = lambda _: None

    async def play() -> None:
        post.say("one")
        post.office.waits = asyncio.Event()
        async with post.delivery() as delivery:
            await eventually(lambda: post.office.arrived, delivery)
            post.clock.advance(hours=25)
            for _ in range(20):
                delivery.wake()
                await asyncio.sleep(0.002)
            post.office.waits.set()
            await eventually(lambda: post.statuses() != ["pending"], delivery)

    asyncio.run(play())
    assert post.statuses() == ["sent"]


def test_a_digest_is_given_up_as_a_whole_once_all_of_it_is_too_old(post: Post) -> None:
    async def play() -> None:
        post.say("one", bundle="together")
        post.clock.advance(seconds=50)
        post.say("two", bundle="together")
        async with post.delivery() as delivery:
            await eventually(lambda: None not in post.errors(), delivery)
        post.clock.advance(hours=23, minutes=59, seconds=30)
        async with post.delivery() as delivery:
            tries = len(post.office.arrived)
            await tried(post, tries + 1, delivery)
            assert len(post.office.arrived[-1].message.items) == 2
        post.clock.advance(minutes=10)
        async with post.delivery() as delivery:
            await tried(post, tries + 2, delivery)
            post.clock.advance(minutes=10)
            await eventually(lambda: post.statuses() == ["failed"] * 2, delivery)

    asyncio.run(play())


def test_what_has_become_old_while_no_server_ran_is_sent(post: Post) -> None:
    async def play() -> None:
        post.say("one")
        async with post.delivery() as delivery:
            await eventually(lambda: post.errors() == ["it is down"], delivery)
        post.clock.advance(days=3)
        post.office.refuses = lambda _: None
        async with post.delivery() as delivery:
            await eventually(lambda: post.statuses() != ["pending"], delivery)

    asyncio.run(play())
    assert post.statuses() == ["sent"]


def test_what_is_old_is_tried_for_some_minutes_after_a_start(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network of a machine may come later than its runner."""
    monkeypatch.setattr(delivery_module, "_IN_VAIN", 8)

    async def play() -> None:
        post.say("one")
        post.clock.advance(days=3)
        async with post.delivery() as delivery:
            for times in range(1, 9):
                await tried(post, times, delivery)
                assert post.statuses() == ["pending"]
                post.clock.advance(minutes=6)
            await eventually(lambda: post.statuses() == ["failed"], delivery)

    asyncio.run(play())
    assert len(post.office.arrived) == 8


def test_a_clock_that_is_set_ahead_makes_no_message_old(post: Post) -> None:
    seconds = timedelta(seconds=5)
    post.time_of_age = lambda: post.clock.now() - timedelta(days=2) + seconds

    async def play() -> None:
        post.say("one")
        post.clock.set(days=2)
        async with post.delivery() as delivery:
            for times in (1, 2, 3):
                await tried(post, times, delivery)
                post.clock.advance(seconds=10)

    asyncio.run(play())
    assert post.statuses() == ["pending"]


def test_a_message_that_its_channel_alone_does_not_take_is_given_up_too(post: Post) -> None:
    post.office.refuses = lambda message: NotSent("not this one") if "bad" in message.title else None

    async def play() -> None:
        post.say("bad")
        async with post.delivery() as delivery:
            await eventually(lambda: post.errors() == ["not this one"], delivery)
            post.clock.advance(days=1, minutes=1)
            post.say("good")
            await eventually(lambda: post.statuses() == ["failed", "sent"], delivery)

    asyncio.run(play())
