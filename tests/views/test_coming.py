"""What comes of a job, with its clocks: given a schedule around a night on which they are set."""

from datetime import UTC, datetime

import pytest
from support.ledger import Ledger

from jeeves_runner.views.coming import coming_runs

BERLIN = "Europe/Berlin"


def coming(ledger: Ledger, now: datetime, count: int, *schedule: str) -> list[tuple[str, str | None]]:
    ledger.clock.time = now
    ledger.add_job("job", schedule=schedule, timezone=BERLIN)
    return [(each.scheduled_for[5:16], each.clocks) for each in coming_runs(ledger.conn, now, "job", count)]


def test_an_occurrence_after_clocks_were_set_says_so(ledger: Ledger) -> None:
    found = coming(ledger, datetime(2026, 3, 27, 12, tzinfo=UTC), 3, "0 6 * * *")
    assert found == [
        ("03-28T05:00", None),
        ("03-29T04:00", "Clocks of Europe/Berlin have gone forward 1 h by then."),
        ("03-30T04:00", None),
    ]


def test_one_in_the_hour_that_is_left_out_says_when_it_runs(ledger: Ledger) -> None:
    (_, before), (at, clocks) = coming(ledger, datetime(2026, 3, 28, 0, tzinfo=UTC), 2, "30 2 * * *")
    assert (before, at) == (None, "03-29T01:00")
    assert clocks is not None
    assert "clocks of Europe/Berlin go from 02:00 to 03:00" in clocks


@pytest.mark.parametrize(("schedule", "words"), [("30 2 * * *", "runs once"), ("*/30 * * * *", "both times")])
def test_one_in_the_hour_that_comes_twice_says_how_often(ledger: Ledger, schedule: str, words: str) -> None:
    ((at, clocks),) = coming(ledger, datetime(2026, 10, 25, 0, 10, tzinfo=UTC), 1, schedule)
    assert at == "10-25T00:30"
    assert clocks is not None
    assert words in clocks


def test_nothing_comes_of_a_job_without_a_schedule(ledger: Ledger) -> None:
    assert coming(ledger, ledger.now, 3) == []
