"""How many messages a channel gets in a second: what it takes, and few where it refuses them."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from support.outbox import Post, eventually

from jeeves_runner.core.alerts.message import Message
from jeeves_runner.notify.contract import Channel, Rejected
from jeeves_runner.runner import delivery as delivery_module


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Post:
    monkeypatch.setattr(delivery_module, "_BREATH", 0.001)
    return Post(tmp_path)


def test_slack_gets_no_two_messages_within_a_second_also_where_one_was_long_on_its_way(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "_PACE", 0.3)
    make, ways, times = post.office.channel, iter([0.3, 0.0, 0.2]), []

    def slow(address: str) -> Channel:
        post.clock.advance(seconds=next(ways))
        return make(address)

    def note(_: Message) -> None:
        times.append(asyncio.get_running_loop().time())

    monkeypatch.setattr(post.office, "channel", slow)
    post.office.refuses = note

    async def play() -> None:
        for number in range(3):
            post.say(f"n{number}", "C0000001")
        async with post.delivery() as delivery:
            await eventually(lambda: post.statuses() == ["sent"] * 3, delivery)

    asyncio.run(play())
    assert all(after - before >= 0.3 for before, after in pairwise(times))


def test_a_channel_that_refuses_is_not_asked_a_thousand_times_in_a_second(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "_PACE", 0.05)
    post.office.refuses = lambda _: Rejected("it does not take the login", hint="correct it")

    async def play() -> float:
        for number in range(5):
            post.say(f"n{number}")
        began = asyncio.get_running_loop().time()
        async with post.delivery() as delivery:
            await eventually(lambda: post.statuses() == ["failed"] * 5, delivery)
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(play()) >= 4 * 0.05
