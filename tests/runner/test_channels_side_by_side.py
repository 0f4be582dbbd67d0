"""Channels are served side by side: what hangs, fails or cannot be recorded on one keeps no other one."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

import apsw
import pytest
from support.outbox import DEV, OPS, Post, eventually

from jeeves_runner.db import outbox
from jeeves_runner.db.transaction import Tx
from jeeves_runner.notify.contract import NotSent
from jeeves_runner.runner import delivery as delivery_module


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Post:
    monkeypatch.setattr(delivery_module, "_BREATH", 0.001)
    return Post(tmp_path)


def test_many_webhooks_that_hang_keep_no_other_one(post: Post) -> None:
    async def play() -> None:
        hanging = [f"webhook:hangs-{number}" for number in range(25)]
        post.office.hang = frozenset(hanging)
        post.say("one", *hanging)
        async with post.delivery() as delivery:
            await eventually(lambda: len(post.office.arrived) == len(hanging), delivery)
            post.say("two", OPS)
            await eventually(lambda: post.statuses()[-1] == "sent", delivery)

    asyncio.run(play())


def test_webhooks_that_failed_leave_places_to_the_others(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_module, "_TOGETHER", 2)
    monkeypatch.setattr(delivery_module, "_PLACES", {"webhook": 3})

    async def play() -> None:
        failing = [f"webhook:fails-{number}" for number in range(5)]
        for address in failing:
            post.office.answers[address] = [NotSent("it is down")]
        post.say("one", *failing)
        async with post.delivery() as delivery:
            await eventually(lambda: None not in post.errors(), delivery)
            post.office.hang = frozenset(failing)
            post.clock.advance(minutes=5)
            await eventually(lambda: len(post.office.arrived) == len(failing) + 2, delivery)
            post.say("two", OPS)
            await eventually(lambda: post.statuses()[-1] == "sent", delivery)

    asyncio.run(play())
    assert len(post.office.arrived) == 5 + 2 + 1


def test_what_cannot_be_recorded_of_one_channel_breaks_off_no_other(
    post: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begin_try, is_full = outbox.begin_try, True

    def of_a_full_disk(tx: Tx, ids: Sequence[int]) -> None:
        if is_full and list(ids) == [2]:
            raise apsw.FullError("full")
        begin_try(tx, ids)

    monkeypatch.setattr(outbox, "begin_try", of_a_full_disk)

    async def play() -> None:
        nonlocal is_full
        post.office.waits = asyncio.Event()
        post.say("slow", OPS)
        async with post.delivery() as delivery:
            await eventually(lambda: post.office.titles(OPS) == ["slow on db1 so"], delivery)
            post.say("full", DEV)
            await eventually(lambda: "cannot be read or recorded now" in caplog.text, delivery)
            post.office.waits.set()
            await eventually(lambda: post.statuses()[0] == "sent", delivery)
            is_full = False
            post.clock.advance(minutes=5)
            await eventually(lambda: post.statuses() == ["sent", "sent"], delivery)
            await eventually(lambda: "the messages to webhook:dev can be recorded again" in caplog.text)

    caplog.set_level(logging.INFO)
    asyncio.run(play())
    assert post.office.titles() == ["slow on db1 so", "full on db1 so"]
    assert caplog.text.count("cannot be read or recorded now") == 1


def test_what_cannot_be_read_for_a_moment_breaks_nothing_off(
    post: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pending_channels, is_broken = outbox.pending_channels, False

    def of_a_bad_disk(conn: apsw.Connection) -> list[str]:
        if is_broken:
            raise apsw.IOError("a sector")
        return pending_channels(conn)

    monkeypatch.setattr(outbox, "pending_channels", of_a_bad_disk)

    async def play() -> None:
        nonlocal is_broken
        post.office.waits = asyncio.Event()
        post.say("slow", OPS)
        async with post.delivery() as delivery:
            await eventually(lambda: post.office.titles(OPS) == ["slow on db1 so"], delivery)
            is_broken = True
            await eventually(lambda: "the outbox cannot be read now" in caplog.text, delivery)
            post.office.waits.set()
            await eventually(lambda: post.statuses() == ["sent"], delivery)
            is_broken = False
            post.say("next", DEV)
            await eventually(lambda: post.statuses() == ["sent", "sent"], delivery)

    asyncio.run(play())
    assert post.office.titles() == ["slow on db1 so", "next on db1 so"]
