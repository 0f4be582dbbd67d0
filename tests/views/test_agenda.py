"""What all jobs have before them."""

from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from support.ledger import Ledger

from jeeves_runner.core.origin import Actor
from jeeves_runner.db import skipping
from jeeves_runner.db.timetable_state import timetable_state
from jeeves_runner.views import agenda as rooms
from jeeves_runner.views.agenda import Agenda, agenda
from jeeves_runner.views.occurrences import Place

UTC = ZoneInfo("UTC")
CLI = Actor("cli", "cli", None)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def job(ledger: Ledger, job_id: str, *schedule: str, **fields: Any) -> None:
    """It has been declared long ago."""
    ledger.add_job(job_id, schedule=schedule, **fields)
    ledger.conn.execute("UPDATE jobs SET schedule_since = '2026-01-01T00:00:00.000Z'")


def found(ledger: Ledger, zone: ZoneInfo = UTC, **which: Any) -> Agenda:
    return agenda(ledger.conn, ledger.now, zone, **which)


def first(ledger: Ledger, count: int, after: Place | None = None) -> list[tuple[str, str, str | None]]:
    """Of the next occurrences when, of what, and what becomes of them."""
    runs = islice(found(ledger).coming(after or Place(ledger.now, "")), count)
    return [(f"{each.scheduled_for:%d %H:%M}", each.job.job_id, each.instead) for each in runs]


def test_occurrences_come_by_time_then_by_id(ledger: Ledger) -> None:
    job(ledger, "b", "0 13 * * *")
    job(ledger, "a", "0 13 * * *")
    job(ledger, "c", "30 12,13 * * *")
    job(ledger, "off", "* * * * *", enabled=False)
    expected = [
        ("01 12:30", "c", None),
        ("01 13:00", "a", None),
        ("01 13:00", "b", None),
        ("01 13:30", "c", None),
    ]
    assert first(ledger, 4) == expected
    second = ledger.now + timedelta(hours=1)
    assert first(ledger, 2, Place(second, "a")) == expected[2:]


def test_jobs_that_occur_alike_are_one_group(ledger: Ledger) -> None:
    for number in range(20):
        job(ledger, f"j{number}", "0 13 * * *")
    made = found(ledger)
    assert (len(made.groups), made.jobs) == (1, 20)
    assert made.days[0].starts == 20


def test_only_jobs_that_are_wanted_are_in_it(ledger: Ledger) -> None:
    for name in ("a", "b"):
        job(ledger, name, "0 13 * * *")
    assert found(ledger, wanted=lambda job_id: job_id == "b").jobs == 1


def test_what_a_pause_covers_is_shown_as_that_and_not_counted(ledger: Ledger) -> None:
    job(ledger, "a", "0 13,14 * * *")
    ledger.pause("a", ledger.now + timedelta(hours=1, minutes=30))
    assert first(ledger, 2) == [("01 13:00", "a", "paused"), ("01 14:00", "a", None)]
    today = found(ledger).days[0]
    assert [hour.starts for hour in today.hours if hour][13:15] == [0, 1]


def test_what_is_paused_until_it_is_resumed_has_no_end(ledger: Ledger) -> None:
    job(ledger, "a", "0 13,14 * * *")
    ledger.pause(None)
    assert {instead for _, _, instead in first(ledger, 20)} == {"paused"}
    assert sum(day.starts for day in found(ledger).days) == 0
    assert found(ledger).worst(ledger.now) is None


def test_a_skip_is_shown_as_that_and_not_counted(ledger: Ledger) -> None:
    job(ledger, "a", "0 13,14 * * *")
    with ledger.tx() as tx:
        skipping.skip(tx, "a", "1h", reason=None, by=CLI)
    assert first(ledger, 2) == [("01 13:00", "a", "skipped"), ("01 14:00", "a", None)]
    today = found(ledger).days[0]
    assert [hour.starts for hour in today.hours if hour][13:15] == [0, 1]


def test_the_worst_minute_is_one_that_is_still_to_come(ledger: Ledger) -> None:
    job(ledger, "a", "0 11,18 * * *")
    job(ledger, "b", "0 11,18 1 3 *")
    job(ledger, "c", "0 11 1 3 *")
    job(ledger, "d", "0 0 2 3 *")
    made = found(ledger)
    worst = made.worst(ledger.now)
    assert worst is not None
    assert (f"{worst.minute:%d %H:%M}", worst.starts, worst.jobs, worst.more) == (
        "01 18:00",
        2,
        ["a", "b"],
        0,
    )
    later = made.worst(ledger.now + timedelta(hours=7))
    assert later is not None
    assert (f"{later.minute:%d %H:%M}", later.starts) == ("02 00:00", 1)


def test_shifts_of_clocks_say_what_happens_to_which_jobs(ledger: Ledger) -> None:
    for number in range(12):
        job(ledger, f"j{number:02}", "30 2 * * *", timezone="Europe/Berlin")
    job(ledger, "often", "*/30 * * * *", timezone="Europe/Berlin")
    job(ledger, "utc", "30 2 * * *", timezone="UTC")
    spring, autumn = found(ledger).shifts
    assert (f"{spring.at:%Y-%m-%d %H:%M}", spring.timezone) == ("2026-03-29 01:00", "Europe/Berlin")
    (touched,) = spring.touched
    assert touched.message == "on 2026-03-29 in Europe/Berlin, 02:30 does not exist, and runs once at 03:00"
    assert (touched.effect, touched.jobs[0], len(touched.jobs), touched.more) == ("moved", "j00", 10, 2)
    assert f"{autumn.at:%Y-%m-%d}" == "2026-10-25"


def test_the_calendar_has_the_days_of_its_zone(ledger: Ledger) -> None:
    job(ledger, "a", "0 23 * * *")
    made = found(ledger, ZoneInfo("Asia/Tokyo"))
    assert f"{made.days[0].date}" == "2026-03-01"
    assert [hour.starts for hour in made.days[1].hours if hour][8] == 1


def test_of_very_many_schedules_fewer_days_are_counted(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "MOST_GROUPS", 1)
    for number in range(4):
        job(ledger, f"j{number}", f"{number} 13 * * *")
    assert len(found(ledger).days) == 3


def test_the_state_changes_with_what_is_applied_paused_and_skipped(ledger: Ledger) -> None:
    job(ledger, "a", "0 13 * * *")

    def state(now: datetime | None = None) -> object:
        return timetable_state(ledger.conn, now or ledger.now)

    seen = [state()]
    ledger.conn.execute("UPDATE jobs SET decided_until = '2026-02-28T13:00:00.000Z'")
    assert state() == seen[0]
    ledger.pause("a", ledger.now + timedelta(hours=1))
    seen.append(state())
    with ledger.tx() as tx:
        skipping.skip(tx, "a", "1h", reason=None, by=CLI)
    seen.append(state())
    seen.append(state(ledger.now + timedelta(hours=2)))
    assert len(set(seen)) == len(seen)
