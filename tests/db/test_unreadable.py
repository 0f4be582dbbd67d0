"""Times that were written into rows by hand: reported once, and nothing stops because of them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.clock import NOON
from support.ledger import Store
from support.queues import push
from support.runs import Place, job

from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import overrides, queue_contents
from jeeves_runner.db.runs import requested_runs
from jeeves_runner.db.timetable_rows import timetable_rows

NO_TIMES = ["2026-03-01 15:00:00", "2026-03-01T15:00:00.000+01:00", "tomorrow"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.apply(job("work"), job("rest"))
    return place


@pytest.mark.parametrize("text", NO_TIMES)
def test_a_pause_whose_end_is_no_time_holds_until_it_is_resumed(
    place: Place, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with place.write() as tx:
        overrides.pause(tx, "work", until=None, reason=None, by=Actor("cli"))
    place.conn.execute("UPDATE overrides SET until = ?", (text,))
    assert overrides.pauses(place.conn, NOON).end_of("work") == overrides.UNTIL_RESUMED
    assert overrides.job_is_paused(place.conn, "work", NOON)
    (message,) = caplog.messages
    assert message.startswith(f"a pause was changed by hand: its until does not count: {text!r} is no time")
    with place.write() as tx:
        assert overrides.resume(tx, "work", by=Actor("cli"))
    assert not overrides.job_is_paused(place.conn, "work", NOON)


def test_a_run_is_read_without_a_time_that_is_none(place: Place) -> None:
    asked = place.request("work")
    place.conn.execute("UPDATE runs SET not_before = 'soon', created_at = 'now'")
    (found,) = requested_runs(place.conn, 0)
    assert (found.id, found.status, found.not_before) == (asked.id, RunStatus.SCHEDULED, None)
    assert found.created_at == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("column", ["schedule_since", "decided_until"])
def test_a_job_with_a_watermark_that_is_no_time_is_left_out_of_the_timetable(
    place: Place, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    place.conn.execute(f"UPDATE jobs SET {column} = '2026-03-01T12:00' WHERE id = 'work'")
    assert [row.id for row in timetable_rows(place.conn)] == ["rest"]
    assert "job work cannot run" in caplog.text


def test_an_item_that_does_not_say_how_old_it_is_is_counted(store: Store) -> None:
    push(store, "one")
    store.conn.execute("UPDATE queue_items SET created_at = 'yesterday'")
    counts = queue_contents.queue_counts(store.conn, store.now)["mail"]
    assert (counts.depth, counts.oldest_age_ms) == (1, None)
