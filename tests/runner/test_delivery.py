"""Messages are sent once, in their order, and a channel that fails keeps nothing else."""

import asyncio
import threading
import tracemalloc
from datetime import datetime, timedelta
from pathlib import Path

import apsw
import pytest
from support.outbox import DEV, OPS, Post, eventually

from jeeves_runner.core.alerts.bundles import ALONE
from jeeves_runner.core.alerts.words import Said
from jeeves_runner.db import outbox
from jeeves_runner.db.outbox import Pending, Saying
from jeeves_runner.notify.contract import Channel, NotSent, Rejected
from jeeves_runner.runner import delivery as delivery_module


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Post:
    monkeypatch.setattr(delivery_module, "_BREATH", 0.001)
    return Post(tmp_path)


def down(
    times: int = 1, *, may_have_arrived: bool = False, retry_after: float | None = None
) -> list[Exception | None]:
    fault = NotSent("it is down", may_have_arrived=may_have_arrived, retry_after=retry_after)
    return [fault] * times


def test_what_is_said_arrives_once_on_each_channel(post: Post) -> None:
    async def play() -> None:
        post.say("one", OPS, DEV)
        async with post.delivery() as delivery:
            post.say("two")
            await eventually(lambda: post.statuses() == ["sent"] * 3, delivery)
        async with post.delivery() as delivery:
            post.say("three")
            await eventually(lambda: post.statuses() == ["sent"] * 4, delivery)

    asyncio.run(play())
    assert post.office.titles(OPS) == ["one on db1 so", "two on db1 so", "three on db1 so"]
    assert post.office.titles(DEV) == ["one on db1 so"]
    assert len({each.message.alert_id for each in post.office.arrived}) == 4


def test_replies_come_after_what_they_reply_to_and_below_it(post: Post) -> None:
    incident = post.incident()

    async def play() -> None:
        post.office.answers[OPS] = down()
        post.say("a", said=Said.OPENED, incident=incident)
        post.say("b", said=Said.REMINDER, incident=incident)
        post.say("other")
        async with post.delivery() as delivery:
            await eventually(lambda: post.errors()[0] is not None, delivery)
            post.clock.advance(seconds=30)
            await eventually(lambda: post.statuses() == ["sent"] * 3, delivery)

    asyncio.run(play())
    sent = {each.message.said: each for each in post.office.arrived}
    assert sent["reminder"].thread is not None
    order = [each.message.said for each in post.office.arrived]
    assert order.index("reminder") > max(n for n, said in enumerate(order) if said == "opened")


def test_a_channel_that_fails_keeps_no_other_one(post: Post) -> None:
    async def play() -> None:
        post.office.answers[OPS] = down(1_000)
        post.say("one", OPS)
        async with post.delivery() as delivery:
            for number in range(5):
                post.say(f"n{number}", DEV)
            await eventually(lambda: post.statuses().count("sent") == 5, delivery)

    asyncio.run(play())
    assert post.statuses()[0] == "pending"
    assert len(post.office.titles(OPS)) == 1


def test_many_mailboxes_that_hang_keep_no_other_kind(post: Post) -> None:
    async def play() -> None:
        mailboxes = [f"email:{number}@example.org" for number in range(delivery_module._TOGETHER + 5)]
        post.office.hang = frozenset(mailboxes)
        post.say("one", *mailboxes)
        async with post.delivery() as delivery:
            await eventually(lambda: len(post.office.arrived) == delivery_module._TOGETHER, delivery)
            post.say("two", OPS)
            await eventually(lambda: post.statuses()[-1] == "sent", delivery)

    asyncio.run(play())
    assert post.office.titles(OPS) == ["two on db1 so"]


def test_it_is_left_alone_for_longer_each_time(post: Post) -> None:
    async def play() -> None:
        post.office.answers[OPS] = down(1_000)
        post.say("one")
        async with post.delivery() as delivery:
            for _ in range(3_600):
                seen = len(post.office.arrived)
                post.clock.advance(seconds=1)
                delivery.wake()
                await asyncio.sleep(0.001)
                if len(post.office.arrived) > seen:
                    await eventually(lambda: post.ledger.count("outbox", "sending_at IS NULL") == 1)

    asyncio.run(play())
    assert 10 <= len(post.office.arrived) <= 26


def test_a_wait_that_the_channel_asks_for_is_kept_to(post: Post) -> None:
    async def play() -> None:
        post.office.answers[OPS] = down(retry_after=120)
        post.say("one")
        async with post.delivery() as delivery:
            await eventually(lambda: post.errors() == ["it is down"], delivery)
            post.clock.advance(seconds=119)
            for _ in range(50):
                delivery.wake()
                await asyncio.sleep(0.002)
            assert len(post.office.arrived) == 1
            post.clock.advance(seconds=2)
            await eventually(lambda: post.statuses() == ["sent"], delivery)

    asyncio.run(play())


def test_a_channel_that_asks_for_patience_again_and_again_is_told_of(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        post.office.answers[OPS] = down(times=2, retry_after=60)
        post.say("one")
        async with post.delivery() as delivery:
            await eventually(lambda: post.errors() == ["it is down"], delivery)
            assert "no message can be sent" not in caplog.text, "a limit is no trouble"
            post.clock.advance(seconds=61)
            await eventually(lambda: "no message can be sent" in caplog.text, delivery)

    asyncio.run(play())


def test_one_message_that_is_not_liked_does_not_hold_up_the_others(post: Post) -> None:
    post.office.refuses = lambda message: NotSent("500") if message.title == "bad on db1 so" else None

    async def play() -> None:
        post.say("bad")
        for number in range(3):
            post.say(f"n{number}")
        async with post.delivery() as delivery:

            def others_are_sent() -> bool:
                post.clock.advance(seconds=1)
                return post.statuses().count("sent") == 3

            await eventually(others_are_sent, delivery)

    asyncio.run(play())
    assert post.statuses()[0] == "pending"
    assert post.office.titles().count("bad on db1 so") <= 8


def test_what_is_refused_for_good_is_given_up_and_says_why(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        post.office.answers[OPS] = [Rejected("invalid_auth", hint="put a token there")]
        post.say("one")
        post.say("two")
        async with post.delivery() as delivery:
            await eventually(lambda: post.statuses() == ["failed", "sent"], delivery)

    asyncio.run(play())
    assert post.errors()[0] == "invalid_auth; put a token there"
    assert "webhook:ops takes no message: invalid_auth; put a token there" in caplog.text


@pytest.mark.parametrize("has_waited", [False, True])
def test_after_a_kill_in_the_middle_the_channel_is_asked_to_look(post: Post, has_waited: bool) -> None:
    """``has_waited``: a try that may have arrived was followed by one that certainly did not."""

    async def play() -> None:
        post.say("one")
        begun = post.clock.now()
        post.office.waits = asyncio.Event()
        async with post.delivery():
            await eventually(lambda: post.office.arrived)
        post.office.waits = None
        if has_waited:
            post.office.answers[OPS] = down()
            async with post.delivery():
                await eventually(lambda: post.errors() == ["it is down"])
        post.clock.advance(seconds=30)
        async with post.delivery() as delivery:
            await eventually(lambda: post.statuses() == ["sent"], delivery)
        assert [each.tried_at for each in post.office.arrived] == [None, *[begun] * (1 + has_waited)]
        assert len({each.message.alert_id for each in post.office.arrived}) == 1

    asyncio.run(play())


def test_a_flood_within_a_minute_is_eleven_messages(post: Post) -> None:
    incidents = [post.incident() for _ in range(1_000)]

    async def play() -> None:
        for number in incidents:
            post.say(f"j{number}", said=Said.OPENED, incident=number)
        async with post.delivery() as delivery:
            await eventually(lambda: post.statuses().count("sent") == ALONE, delivery)
            post.clock.advance(minutes=1)
            await eventually(lambda: set(post.statuses()) == {"sent"}, delivery)
            post.clock.advance(minutes=1)
            for number in incidents:
                post.say(f"j{number}", said=Said.RECOVERED, incident=number)
            post.clock.advance(minutes=1)
            await eventually(lambda: set(post.statuses()) == {"sent"}, delivery)

    asyncio.run(play())
    opened, over = post.office.arrived[:11], post.office.arrived[11:]
    assert [len(each.message.items) for each in opened] == [0] * 10 + [990]
    assert [len(each.message.items) for each in over] == [0] * 10 + [990]
    assert over[-1].thread == "ref-11"
    named = {line for each in opened for line in (each.title, *each.message.items)}
    assert all(any(line.startswith(f"j{number} ") for line in named) for number in incidents)


def test_a_message_for_many_holds_no_output_of_theirs(post: Post) -> None:
    output = "x" * 1_000_000
    runs = [post.ledger.add_run("a", "error", stdout=output, stderr=output) for _ in range(30)]

    async def play() -> None:
        for run in runs:
            post.say("many", run=run, bundle="together")
        async with post.delivery() as delivery:
            await eventually(lambda: set(post.statuses()) == {"sent"}, delivery)

    tracemalloc.start()
    try:
        asyncio.run(play())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    (arrived,) = post.office.arrived
    assert len(arrived.message.items) == len(runs)
    assert most < 10 * len(output)


def test_a_copy_of_a_database_sends_nothing_that_the_other_one_has(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        post.office.answers[OPS] = down()
        post.say("one")
        async with post.delivery() as delivery:
            await eventually(lambda: post.errors() == ["it is down"], delivery)
        post.clock.advance(minutes=1)
        async with post.delivery("elsewhere") as delivery:
            post.say("two")
            await eventually(lambda: post.statuses() == ["failed", "sent"], delivery)

    asyncio.run(play())
    assert post.office.titles() == ["one on db1 so", "two on db1 so"]
    first, second = (each.message.alert_id.partition("/")[0] for each in post.office.arrived)
    assert first != second
    assert "left to the database that this one is a copy of: 1" in caplog.text


def test_a_bug_in_a_channel_ends_nothing(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        post.office.answers[OPS] = [KeyError("x")]
        post.say("one")
        post.say("two", DEV)
        async with post.delivery() as delivery:
            await eventually(lambda: post.statuses()[1] == "sent", delivery)
            await eventually(lambda: post.errors()[0] is not None, delivery)
            post.clock.advance(seconds=10)
            await eventually(lambda: post.statuses() == ["sent", "sent"], delivery)

    asyncio.run(play())
    assert "this is a bug" in caplog.text


def test_what_cannot_be_written_as_it_should_be_is_told_all_the_same(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        post.say("one")
        with post.ledger.tx() as tx:
            tx.conn.execute("""UPDATE outbox SET facts = '{"lines": [1]}', job_id = 'a'""")
        post.say("two")
        async with post.delivery() as delivery:
            await eventually(lambda: post.statuses() == ["sent"] * 2, delivery)

    asyncio.run(play())
    first, second = post.office.titles()
    assert first.startswith("a: event, clock (")
    assert second == "two on db1 so"
    assert "this is a bug" in caplog.text


def test_what_comes_due_during_a_look_is_not_overlooked(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    look = outbox.next_message

    def slow(conn: apsw.Connection, channel: str, now: datetime) -> list[Pending]:
        found = look(conn, channel, now)
        post.clock.advance(seconds=0.2)
        return found

    monkeypatch.setattr(outbox, "next_message", slow)

    async def play() -> None:
        with post.ledger.tx() as tx:
            outbox.put(tx, Saying(Said.TEST, bundle="some", wait=timedelta(seconds=0.1)), [OPS])
        async with post.delivery(), asyncio.timeout(10):
            await eventually(lambda: post.statuses() == ["sent"])

    asyncio.run(play())


def test_a_long_line_on_one_channel_keeps_no_other_one(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_module, "_TOGETHER", 1)
    monkeypatch.setattr(delivery_module, "_PACE", 0.05)

    async def play() -> None:
        for number in range(10):
            post.say(f"n{number}", "C0000001")
        post.say("other", OPS)
        async with post.delivery() as delivery:
            await eventually(lambda: post.statuses() == ["sent"] * 11, delivery)

    asyncio.run(play())
    assert post.office.titles().index("other on db1 so") < 5


def test_channels_are_not_made_in_the_event_loop(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    make, threads = post.office.channel, []

    def noted(address: str) -> Channel:
        threads.append(threading.current_thread())
        return make(address)

    monkeypatch.setattr(post.office, "channel", noted)

    async def play() -> None:
        post.say("one")
        async with post.delivery() as delivery:
            await eventually(lambda: post.statuses() == ["sent"], delivery)

    asyncio.run(play())
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()
