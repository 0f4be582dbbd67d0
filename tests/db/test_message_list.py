"""Messages as people look at them: pages, counts, channels that fail."""

from datetime import timedelta
from pathlib import Path

import pytest
from support.alerts import OPS, AlertLedger

from jeeves_runner.core.alerts.words import Said
from jeeves_runner.db import outbox
from jeeves_runner.db.message_list import MessageCounts, message_counts, message_rows, troubles
from jeeves_runner.db.outbox import Saying

DEV = "webhook:dev"


@pytest.fixture
def ledger(tmp_path: Path) -> AlertLedger:
    return AlertLedger(tmp_path / "runner.sqlite")


def say(ledger: AlertLedger, channel: str = OPS) -> int:
    with ledger.tx() as tx:
        (row_id,) = outbox.put(tx, Saying(Said.TEST), [channel])
    ledger.clock.advance(seconds=1)
    return row_id


def put_off(ledger: AlertLedger, row_id: int, error: str = "Slack cannot be reached") -> None:
    with ledger.tx() as tx:
        outbox.put_off(tx, [row_id], timedelta(seconds=30), error, may_have_arrived=False)


def give_up(
    ledger: AlertLedger, row_id: int, error: str = "Slack answers invalid_auth; put it right"
) -> None:
    with ledger.tx() as tx:
        outbox.give_up(tx, [row_id], error)


def send(ledger: AlertLedger, row_id: int) -> None:
    with ledger.tx() as tx:
        outbox.record_sent(tx, [row_id], None)


def test_they_come_in_pages_newest_first(ledger: AlertLedger) -> None:
    first, second, third = say(ledger), say(ledger), say(ledger)
    for of_all in (False, True):
        page = message_rows(ledger.conn, ledger.now, all_of_them=of_all, limit=2)
        assert ([row["id"] for row in page.rows], page.more) == ([third, second], True)
        rest = message_rows(ledger.conn, ledger.now, all_of_them=of_all, before=second, limit=2)
        assert ([row["id"] for row in rest.rows], rest.more) == ([first], False)


def test_messages_that_were_sent_are_listed_with_all_alone(ledger: AlertLedger) -> None:
    sent, waits, failed = say(ledger), say(ledger), say(ledger, DEV)
    send(ledger, sent)
    give_up(ledger, failed)
    ids = [row["id"] for row in message_rows(ledger.conn, ledger.now, limit=9).rows]
    assert ids == [failed, waits]
    every = message_rows(ledger.conn, ledger.now, all_of_them=True, limit=9).rows
    assert [(row["id"], row["status"]) for row in every] == [
        (failed, "failed"),
        (waits, "pending"),
        (sent, "sent"),
    ]


def test_a_channel_that_takes_a_message_again_is_well(ledger: AlertLedger) -> None:
    failed = say(ledger)
    give_up(ledger, failed)
    other = say(ledger, DEV)
    send(ledger, other)
    assert message_counts(ledger.conn, ledger.now) == MessageCounts(0, 1)
    (trouble,) = troubles(ledger.conn, ledger.now)
    assert (trouble.channel, trouble.failed, trouble.error) == (
        OPS,
        1,
        "Slack answers invalid_auth; put it right",
    )
    send(ledger, say(ledger))
    assert message_counts(ledger.conn, ledger.now) == MessageCounts(0, 0)
    assert troubles(ledger.conn, ledger.now) == []
    assert message_rows(ledger.conn, ledger.now, limit=9).rows == []


def test_what_was_sent_before_it_was_given_up_proves_nothing(ledger: AlertLedger) -> None:
    never = say(ledger)
    send(ledger, say(ledger))
    ledger.clock.advance(days=1)
    give_up(ledger, never, "given up: for a day it was not taken")
    assert message_counts(ledger.conn, ledger.now).failed == 1
    ledger.clock.advance(seconds=1)
    send(ledger, say(ledger))
    assert message_counts(ledger.conn, ledger.now).failed == 0


def test_what_was_given_up_counts_for_a_day(ledger: AlertLedger) -> None:
    give_up(ledger, say(ledger))
    ledger.clock.advance(hours=23)
    assert message_counts(ledger.conn, ledger.now).failed == 1
    ledger.clock.advance(hours=2)
    assert message_counts(ledger.conn, ledger.now).failed == 0
    assert [
        row["status"] for row in message_rows(ledger.conn, ledger.now, all_of_them=True, limit=9).rows
    ] == ["failed"]


def test_a_channel_that_is_tried_again_is_in_trouble_and_one_that_has_its_turn_to_come_is_not(
    ledger: AlertLedger,
) -> None:
    put_off(ledger, say(ledger))
    say(ledger)
    say(ledger, DEV)
    (trouble,) = troubles(ledger.conn, ledger.now)
    assert (trouble.channel, trouble.waiting, trouble.failed) == (OPS, 1, 0)
    assert trouble.error == "Slack cannot be reached"
    assert message_counts(ledger.conn, ledger.now) == MessageCounts(3, 0)


def test_messages_left_to_another_database_are_nothing_wrong(ledger: AlertLedger) -> None:
    say(ledger)
    with ledger.tx() as tx:
        outbox.own(tx, "there")
    with ledger.tx() as tx:
        assert outbox.own(tx, "here").left_alone == 1
    assert message_counts(ledger.conn, ledger.now) == MessageCounts(0, 0)
