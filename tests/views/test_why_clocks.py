"""What `why` says of times that clocks repeat or skip, by each kind of schedule and row."""

from datetime import UTC, datetime

import pytest
from support.ledger import Ledger
from support.why import row, said, since, why

from jeeves_runner.clock import to_text
from jeeves_runner.core.schedule_entry import RRule, ScheduleEntry

BERLIN = "Europe/Berlin"
ONCE = "and what is due in between by a fixed time runs once, the first time."
TWICE = (
    "and times that follow elapsed time, such as `*/15`, occur both times:"
    " 2026-10-25 02:30+02:00 and 2026-10-25 02:30+01:00."
)


@pytest.mark.parametrize("entry", ["*/15 2 * * *", RRule("FREQ=HOURLY;BYHOUR=2;BYMINUTE=30")])
@pytest.mark.parametrize("text", ["2026-10-25T02:30", "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"])
def test_what_follows_elapsed_time_occurs_both_times(ledger: Ledger, entry: ScheduleEntry, text: str) -> None:
    ledger.add_job("steps", schedule=(entry,), timezone=BERLIN)
    assert said(ledger, "steps", text)["clock"].endswith(TWICE)


def test_of_the_past_it_occurred_both_times(ledger: Ledger) -> None:
    ledger.add_job("steps", schedule=("*/15 2 * * *",), timezone=BERLIN)
    ledger.clock.time = datetime(2026, 10, 26, tzinfo=UTC)
    since(ledger, "steps", datetime(2026, 10, 1, tzinfo=UTC))
    row(ledger, "steps", "ok", datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    assert said(ledger, "steps", "2026-10-25T02:30")["clock"] == (
        "02:30 came twice on 2026-10-25: clocks of Europe/Berlin went from 03:00 to 02:00,"
        f" {TWICE.replace('occur ', 'occurred ')}"
    )


@pytest.mark.parametrize("text", ["2026-10-25T02:30", "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"])
def test_a_fixed_time_occurs_the_first_time(ledger: Ledger, text: str) -> None:
    ledger.add_job("early", schedule=("30 2 * * *",), timezone=BERLIN)
    assert said(ledger, "early", text)["clock"].endswith(ONCE)


def test_after_a_change_of_the_date_nothing_occurs_twice(ledger: Ledger) -> None:
    """At Casey clocks went back by three hours, from 02:00 on 5 March 2010 to 23:00 on the day before."""
    ledger.add_job("steps", schedule=("*/15 * * * *",), timezone="Antarctica/Casey")
    ledger.clock.time = datetime(2010, 3, 20, tzinfo=UTC)
    since(ledger, "steps", datetime(2010, 1, 1, tzinfo=UTC))
    assert said(ledger, "steps", "2010-03-05T00:30")["clock"] == (
        "00:30 came twice on 2010-03-05: clocks of Antarctica/Casey went from 02:00 to 23:00,"
        " and what is due in between runs once, the first time."
    )


def test_a_row_that_stands_for_many_knows_which_of_them_was_moved(ledger: Ledger) -> None:
    ledger.add_job("early", schedule=("30 2 * * *",), timezone=BERLIN)
    ledger.clock.time = datetime(2026, 4, 1, tzinfo=UTC)
    since(ledger, "early", datetime(2026, 3, 1, tzinfo=UTC))
    first, last = datetime(2026, 3, 27, 1, 30, tzinfo=UTC), datetime(2026, 3, 30, 0, 30, tzinfo=UTC)
    row(ledger, "early", "missed", first, last_for=to_text(last), occurrences=4, reason="late")
    found = why(ledger, "early", "2026-03-29T02:30")
    assert found["answer"] == "missed"
    assert found["parts"][0]["text"].endswith("and what is due in between by a fixed time ran at 03:00.")
