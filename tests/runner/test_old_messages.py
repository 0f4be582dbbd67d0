"""What no channel has taken for a day is given up: as a whole message, and not while it is sent."""

import asyncio
from pathlib import Path

import pytest
from support.outbox import Post, eventually

from jeeves_runner.notify.contract import NotSent
from jeeves_runner.runner import delivery as delivery_module


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Post:
    monkeypatch.setattr(delivery_module, "_BREATH", 0.001)
    post = Post(tmp_path)
    post.office.refuses = lambda _: NotSent("it is down")
    return post


def test_what_nobody_took_for_a_day_is_given_up(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        post.say("one")
        async with post.delivery() as delivery:
            await eventually(lambda: post.errors() == ["it is down"], delivery)
            post.clock.advance(hours=23)
            for _ in range(20):
                delivery.wake()
                await asyncio.sleep(0.002)
            assert post.statuses() == ["pending"]
            post.clock.advance(hours=2)
            await eventually(lambda: post.statuses() == ["failed"], delivery)

    asyncio.run(play())
    assert "given up" in caplog.text


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
            await eventually(lambda: len(post.office.arrived) > tries, delivery)
            assert len(post.office.arrived[-1].message.items) == 2
            await eventually(lambda: post.ledger.count("outbox", "sending_at IS NULL") == 2)
        post.clock.advance(minutes=10)
        async with post.delivery() as delivery:
            await eventually(lambda: post.statuses() == ["failed"] * 2, delivery)

    asyncio.run(play())
