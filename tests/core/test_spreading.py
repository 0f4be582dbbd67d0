"""What ``H`` would spread, and what that would bring."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest

from jeeves_runner.core.load import load_of
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.schedule_entry import Every, ScheduleEntry
from jeeves_runner.core.spreading import Spread, Starter, spread, spread_text

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
END = BEGIN + timedelta(days=1)


def starter(
    job_id: str, *entries: ScheduleEntry, timezone: str = "UTC", exclude: Sequence[str] = ()
) -> Starter:
    schedule = parse_schedule(entries, timezone, job_id, exclude)
    return Starter(job_id, entries, timezone, job_id, tuple(exclude), schedule, ((BEGIN, END),))


def spread_of(*starters: Starter) -> Spread | None:
    return spread(
        starters,
        load_of(chain.from_iterable(each.counted(each.schedule) for each in starters), BEGIN, END),
        BEGIN,
        END,
    )


def proposals(*starters: Starter) -> list[tuple[str, str, str]]:
    found = spread_of(*starters)
    return [] if found is None else [(each[0], each[1], each[2]) for each in found.proposals]


@pytest.mark.parametrize(
    ("written", "proposed"),
    [
        ("0 * * * *", "H * * * *"),
        ("30 3 * * MON-fri", "H 3 * * MON-fri"),
        ("0,30 8-18 * * *", "H/30 8-18 * * *"),
        ("*/15 * * * *", "H/15 * * * *"),
        ("5-59/20 * * * *", "H/20 * * * *"),
        ("15 0 4 * * *", "15 H 4 * * *"),
        ("@hourly", "H * * * *"),
        (" @Daily", "H 0 * * *"),
        ("* * * * *", None),
        ("*/7 * * * *", None),
        ("0,10 * * * *", None),
        ("H * * * *", None),
        ("H(0-29) * * * *", None),
        ("61 * * * *", None),
        ("0 * *", None),
    ],
)
def test_a_fixed_minute_becomes_h(written: str, proposed: str | None) -> None:
    assert spread_text(written) == proposed


def test_jobs_of_a_crowded_minute_are_spread_and_the_worst_minute_is_that_of_the_real_schedules() -> None:
    starters = [starter(f"job{n:02}", "0 3 * * *") for n in range(20)]
    found = spread_of(*starters, starter("other", "0 5 * * *"))
    assert found is not None
    assert [tuple(each) for each in found.proposals] == [
        (f"job{n:02}", "0 3 * * *", "H 3 * * *") for n in range(20)
    ]
    starts = [
        next(parse_schedule(("H 3 * * *",), "UTC", f"job{n:02}").between(BEGIN, END)) for n in range(20)
    ]
    most = max(starts, key=lambda start: (starts.count(start), -start.timestamp()))
    assert found.peak == (most, starts.count(most))
    assert found.peak.starts < 20


def test_only_the_entries_that_lead_into_crowded_minutes_are_proposed() -> None:
    mixed = starter("a", "0 3 * * *", "30 7 * * *", Every("7h"))
    assert proposals(mixed, starter("b", "0 3 * * *"), starter("c", "H 9 * * *")) == [
        ("a", "0 3 * * *", "H 3 * * *"),
        ("b", "0 3 * * *", "H 3 * * *"),
    ]


def test_nothing_is_proposed_that_makes_nothing_better() -> None:
    assert proposals() == []
    assert proposals(starter("a", "0 3 * * *"), starter("b", "30 3 * * *")) == []
    assert proposals(starter("a", "* * * * *"), starter("b", "*/7 * * * *"), starter("c", "* * * * *")) == []
    twins = [starter(name, "0 3 * * *")._replace(namespace="same") for name in "ab"]
    assert proposals(*twins) == []


def test_what_would_fare_otherwise_where_clocks_are_shifted_is_not_proposed() -> None:
    night = [starter(name, "*/30 2 * * *", timezone="Europe/Vienna") for name in "ab"]
    assert proposals(*night) == []
    day = [starter(name, "*/30 9 * * *", timezone="Europe/Vienna") for name in "ab"]
    assert [each[2] for each in proposals(*day)] == ["H/30 9 * * *"] * 2


def test_a_job_that_does_not_start_is_left_alone() -> None:
    later = starter("a", "0 3 * * *")._replace(spans=((END, END + timedelta(days=9)),))
    assert [each[0] for each in proposals(later, starter("b", "0 3 * * *"), starter("c", "0 3 * * *"))] == [
        "b",
        "c",
    ]


def test_exclusions_hold_for_what_is_proposed_too() -> None:
    one = starter(
        "a", "0 3 * * *", exclude=["1-59 3 * * *"]
    )  # of a, `H` is none of the minutes that are left
    assert [each[0] for each in proposals(one, starter("b", "0 3 * * *"), starter("c", "0 3 * * *"))] == [
        "b",
        "c",
    ]
