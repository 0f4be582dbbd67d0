"""The outbox as rows: what is one message, what goes next, and what becomes of a try."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from support.alerts import OPS, AlertLedger

from jeeves_runner.core.alerts.words import Cause, Said
from jeeves_runner.db import alerting, incidents, outbox
from jeeves_runner.db.alerting import Happened
from jeeves_runner.db.outbox import Saying

OTHER = "webhook:other"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[AlertLedger]:
    made = AlertLedger(tmp_path / "runner.sqlite")
    yield made
    made.conn.close()


def fail(
    ledger: AlertLedger, *subjects: str, cause: Cause = Cause.HELD, channels: Sequence[str] = (OPS,)
) -> None:
    for subject in subjects:
        with ledger.tx() as tx:
            alerting.report(tx, Happened(cause, subject=subject, channels=tuple(channels)))


def recover(ledger: AlertLedger, *subjects: str) -> None:
    for subject in subjects:
        with ledger.tx() as tx:
            alerting.went_well(tx, None, [Cause.HELD], subject)


def put(ledger: AlertLedger, bundle: str | None, said: Said = Said.EVENT, cause: Cause = Cause.CLOCK) -> int:
    with ledger.tx() as tx:
        (row_id,) = outbox.put(tx, Saying(said, cause, bundle=bundle), [OPS])
    return row_id


def next_ids(ledger: AlertLedger, channel: str = OPS) -> list[int]:
    return [row.id for row in outbox.next_message(ledger.conn, channel, ledger.now)]


def sent(ledger: AlertLedger, ids: Sequence[int], ref: str | None = "ref") -> None:
    with ledger.tx() as tx:
        outbox.begin_try(tx, ids)
        outbox.record_sent(tx, ids, ref)


def send_all(ledger: AlertLedger) -> list[list[int]]:
    """What goes now on the channel, message by message."""
    messages = []
    while ids := next_ids(ledger):
        messages.append(ids)
        sent(ledger, ids)
    return messages


def column(ledger: AlertLedger, name: str) -> list[object]:
    return [value for (value,) in ledger.conn.execute(f"SELECT {name} FROM outbox ORDER BY id")]


def names(count: int) -> list[str]:
    return [f"jobs.d/{number}.yaml" for number in range(count)]


# Floods


def test_a_flood_of_one_minute_is_eleven_messages_and_so_are_its_replies(ledger: AlertLedger) -> None:
    fail(ledger, *names(300))
    assert [len(ids) for ids in send_all(ledger)] == [1] * 10
    ledger.clock.advance(seconds=59)
    assert next_ids(ledger) == []
    ledger.clock.advance(seconds=1)
    assert [len(ids) for ids in send_all(ledger)] == [290]
    recover(ledger, *names(300))
    assert [len(ids) for ids in send_all(ledger)] == [1] * 10
    ledger.clock.advance(minutes=1)
    assert [len(ids) for ids in send_all(ledger)] == [290]


def test_a_bundle_goes_at_the_end_of_its_minute_and_names_it(ledger: AlertLedger) -> None:
    ledger.clock.advance(seconds=30)
    fail(ledger, *names(11))
    recover(ledger, *names(11))
    assert column(ledger, "bundle")[10] == "minute 2026-03-01T12:00"
    assert column(ledger, "bundle")[21] == "replies 2026-03-01T12:00"
    waits = {"2026-03-01T12:01:00.000Z"}
    assert {column(ledger, "not_before")[each] for each in (10, 21)} == waits
    assert {column(ledger, "delay_ms")[each] for each in (10, 21)} == {30_000}


def test_each_channel_and_each_minute_has_its_ten(ledger: AlertLedger) -> None:
    fail(ledger, *names(10), channels=[OPS, OTHER])
    ledger.clock.advance(minutes=1)
    fail(ledger, *[f"{name}.old" for name in names(10)])
    assert set(column(ledger, "bundle")) == {None}


def test_what_goes_well_takes_no_place_from_what_goes_wrong(ledger: AlertLedger) -> None:
    for _ in range(11):
        put(ledger, None, cause=Cause.SUCCESS)
    fail(ledger, *names(11))
    bundles = [*[None] * 10, "successes 2026-03-01T12:00", *[None] * 10, "minute 2026-03-01T12:00"]
    assert column(ledger, "bundle") == bundles


def test_what_is_put_into_a_bundle_of_its_own_does_not_count(ledger: AlertLedger) -> None:
    for _ in range(20):
        put(ledger, "stop 7")
    fail(ledger, *names(10))
    assert column(ledger, "bundle") == ["stop 7"] * 20 + [None] * 10


@pytest.mark.parametrize("said", [Said.OUTPUT, Said.TEST])
def test_outputs_and_tests_always_go_alone(ledger: AlertLedger, said: Said) -> None:
    fail(ledger, *names(11))
    for _ in range(12):
        put(ledger, None, said)
    assert column(ledger, "bundle")[11:] == [None] * 12


# Order


def test_a_reply_waits_for_the_opening_of_its_incident_on_that_channel(ledger: AlertLedger) -> None:
    fail(ledger, "a", channels=[OPS, OTHER])
    recover(ledger, "a")
    assert column(ledger, "channel") == [OPS, OTHER, OPS, OTHER]
    with ledger.tx() as tx:
        outbox.put_off(tx, [1], timedelta(minutes=5), "down", may_have_arrived=False)
    assert next_ids(ledger) == []
    assert next_ids(ledger, OTHER) == [2]
    sent(ledger, [2])
    assert next_ids(ledger, OTHER) == [4]
    ledger.clock.advance(minutes=5)
    assert send_all(ledger) == [[1], [3]]


def test_a_reply_goes_once_its_opening_is_given_up(ledger: AlertLedger) -> None:
    fail(ledger, "a")
    recover(ledger, "a")
    with ledger.tx() as tx:
        outbox.give_up(tx, [1], "channel_not_found")
    assert next_ids(ledger) == [2]
    assert outbox.thread_of(ledger.conn, 1, OPS) is None


def test_a_reply_to_what_was_opened_in_a_bundle_goes_to_the_thread_of_the_bundle(ledger: AlertLedger) -> None:
    fail(ledger, *names(12))
    recover(ledger, names(12)[11])
    send_all(ledger)
    ledger.clock.advance(minutes=1)
    opened = next_ids(ledger)
    assert opened == [11, 12]
    sent(ledger, opened, "1700.42")
    assert next_ids(ledger) == [13]
    assert [outbox.thread_of(ledger.conn, 12, channel) for channel in (OPS, OTHER)] == ["1700.42", None]


def test_one_incident_does_not_wait_for_another(ledger: AlertLedger) -> None:
    fail(ledger, "a", "b")
    with ledger.tx() as tx:
        outbox.put_off(tx, [1], timedelta(minutes=5), "down", may_have_arrived=False)
    assert send_all(ledger) == [[2]]


# Tries


def test_what_may_have_arrived_is_tried_again_by_itself_as_it_was_sent(ledger: AlertLedger) -> None:
    """What has joined its bundle since goes after it: it was not in the message that may be there."""
    first = [put(ledger, "stop 7"), put(ledger, "stop 7")]
    with ledger.tx() as tx:
        outbox.begin_try(tx, first)
    ledger.clock.advance(seconds=1)
    later = put(ledger, "stop 7")
    rows = outbox.next_message(ledger.conn, OPS, ledger.now)
    assert [(row.id, row.sending_at) for row in rows] == [(each, ledger.at(seconds=1)) for each in first]
    sent(ledger, first)
    assert next_ids(ledger) == [later]


@pytest.mark.parametrize("may_have_arrived", [True, False])
def test_a_try_that_failed_is_put_off_and_it_is_kept_whether_it_may_have_arrived(
    ledger: AlertLedger, may_have_arrived: bool
) -> None:
    row_id = put(ledger, None)
    with ledger.tx() as tx:
        outbox.begin_try(tx, [row_id])
        outbox.put_off(tx, [row_id], timedelta(seconds=2), "timed out", may_have_arrived=may_have_arrived)
    assert (next_ids(ledger), outbox.next_time(ledger.conn, ledger.now)) == ([], ledger.at(seconds=-2))
    ledger.clock.advance(seconds=2)
    (row,) = outbox.next_message(ledger.conn, OPS, ledger.now)
    assert (row.tries, row.sending_at is not None) == (1, may_have_arrived)
    assert outbox.next_time(ledger.conn, ledger.now) is None


def test_what_is_sent_or_given_up_says_so_and_is_final(ledger: AlertLedger) -> None:
    ids = [put(ledger, None), put(ledger, None)]
    sent(ledger, ids[:1], "1700.42")
    with ledger.tx() as tx:
        outbox.give_up(tx, ids, "not_in_channel")
        outbox.record_sent(tx, ids, "other")
        outbox.put_off(tx, ids, timedelta(1), "late", may_have_arrived=True)
    assert column(ledger, "status") == ["sent", "failed"]
    assert column(ledger, "ref") == ["1700.42", None]
    assert column(ledger, "error") == [None, "not_in_channel"]
    assert column(ledger, "tries") == [1, 1]
    assert column(ledger, "sending_at") == [None, None]


def test_the_channels_that_have_something_are_known(ledger: AlertLedger) -> None:
    assert outbox.pending_channels(ledger.conn) == []
    fail(ledger, "a", channels=[OTHER, OPS, "email:a@b.example"])
    fail(ledger, "b", channels=[OTHER])
    sent(ledger, next_ids(ledger))
    assert outbox.pending_channels(ledger.conn) == ["email:a@b.example", OTHER]


# Rows changed by hand


def test_a_message_whose_times_are_no_times_goes_all_the_same(ledger: AlertLedger) -> None:
    ids = [put(ledger, "stop 7"), put(ledger, "stop 7")]
    ledger.conn.execute("UPDATE outbox SET created_at = 'x', sending_at = 'x', not_before = 'x'")
    assert outbox.next_time(ledger.conn, ledger.now) is None
    rows = outbox.next_message(ledger.conn, OPS, ledger.now)
    assert [(row.id, row.created_at) for row in rows] == [(each, ledger.now) for each in ids]
    assert all(row.sending_at is not None for row in rows), "a try was begun"


def test_one_time_that_is_none_keeps_no_other_message(ledger: AlertLedger) -> None:
    first, second = put(ledger, None), put(ledger, None)
    with ledger.tx() as tx:
        outbox.put_off(tx, [first, second], timedelta(minutes=5), "down", may_have_arrived=False)
    ledger.conn.execute("UPDATE outbox SET not_before = '9' WHERE id = ?", (first,))
    assert outbox.next_time(ledger.conn, ledger.now) == ledger.at(minutes=-5)
    assert send_all(ledger) == [[first]]


def test_a_message_of_an_unknown_cause_goes_without_it(ledger: AlertLedger) -> None:
    put(ledger, None)
    ledger.conn.execute("UPDATE outbox SET cause = 'x'")
    (row,) = outbox.next_message(ledger.conn, OPS, ledger.now)
    assert row.cause is None


# What is kept


def test_what_is_done_goes_after_its_time_and_with_it_the_incident(ledger: AlertLedger) -> None:
    fail(ledger, "closed", "open", "unsent")
    recover(ledger, "closed", "unsent")
    assert column(ledger, "incident_id") == [1, 2, 3, 1, 3]
    sent(ledger, [1, 2, 4])
    ledger.clock.advance(days=2)
    with ledger.tx() as tx:
        assert outbox.prune(tx, ledger.at(days=2), 100) == 0
        assert outbox.prune(tx, ledger.at(days=1), 1) == 1
        assert outbox.prune(tx, ledger.at(days=1), 100) == 1
    with ledger.tx() as tx:
        assert incidents.prune(tx, ledger.at(days=1), 100) == 1
    assert ledger.conn.execute("SELECT subject FROM incidents ORDER BY id").fetchall() == [
        ("open",),
        ("unsent",),
    ]


def test_of_what_stays_open_the_first_message_alone_is_kept(ledger: AlertLedger) -> None:
    fail(ledger, "open")
    with ledger.tx() as tx:
        for _ in range(3):
            outbox.put(tx, Saying(Said.REMINDER, Cause.HELD, 1), [OPS])
    sent(ledger, [1, 2, 3, 4])
    ledger.clock.advance(days=2)
    with ledger.tx() as tx:
        assert outbox.prune(tx, ledger.at(days=1), 100) == 3
    assert column(ledger, "said") == ["opened"]
