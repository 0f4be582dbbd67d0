"""What comes due while another program has locked the database: one gap, however often it was handed over."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.admission_play import with_doors
from support.admission_state import JobRules
from support.doors import Doors, SeenRow

from jeeves_runner.core.model import CatchUp, OverlapPolicy, Trigger
from jeeves_runner.core.schedule.schedule import Schedule, parse_schedule
from jeeves_runner.core.schedule.timetable import Due

MINUTELY = parse_schedule(("* * * * *",), "UTC", "test")
HOURS = timedelta(hours=1)


def due(first: datetime, latest: datetime | None = None, schedule: Schedule = MINUTELY) -> Due:
    """What the scheduler hands over at a look."""
    last = latest or first
    count = schedule.count(first - timedelta(seconds=1), last)
    return Due(job_id="tick", schedule=schedule, first=first, latest=last, count=count)


async def lock_for_ten_minutes(doors: Doors) -> None:
    """The job is due each minute; the first decision is on its way when the lock comes."""
    doors.writer.holds = True
    for _ in range(11):
        doors.arrive_due(due(doors.clock.now()))
        await doors.rest()
        doors.clock.advance(minutes=1)
    await doors.writer.release()


def told(rows: list[SeenRow]) -> list[tuple[str, str | None, int]]:
    return [(row.status, row.reason, row.occurrences) for row in rows]


def test_under_latest_a_lock_brings_one_run_of_the_gap(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        noon = doors.clock.now()
        await lock_for_ten_minutes(doors)
        first, missed, latest = doors.rows()
        assert told([first, missed, latest]) == [
            ("running", None, 1),
            ("missed", "superseded", 9),
            ("running", None, 1),
        ]
        assert (latest.trigger, latest.scheduled_for) == (Trigger.CATCH_UP, noon + timedelta(minutes=10))
        assert doors.watermarks() == {"tick": noon + timedelta(minutes=10)}

    with_doors(template, scenario, JobRules(id="tick", overlap=OverlapPolicy.ALLOW, window=HOURS))


def test_under_all_a_lock_brings_every_run_in_order(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        noon = doors.clock.now()
        await lock_for_ten_minutes(doors)
        assert [row.scheduled_for for row in doors.rows()] == [noon + timedelta(minutes=n) for n in range(11)]
        assert {row.status for row in doors.rows()} == {"running"}

    rules = JobRules(id="tick", overlap=OverlapPolicy.ALLOW, catch_up=CatchUp.ALL, window=HOURS)
    with_doors(template, scenario, rules, limit=20)


def test_all_who_handed_over_a_part_of_the_gap_are_answered(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        noon = doors.clock.now()
        doors.writer.holds = True
        first = doors.arrive_due(due(noon))
        await doors.rest()
        doors.clock.advance(minutes=2)
        second = doors.arrive_due(due(noon + timedelta(minutes=1)))
        gone = doors.arrive_due(due(noon + timedelta(minutes=1)))
        third = doors.arrive_due(due(noon + timedelta(minutes=2)))
        gone.cancel()
        await doors.writer.release()
        assert [run.id for run in first.result()] == [1]
        assert [run.id for run in second.result()] == [run.id for run in third.result()] == [3]

    with_doors(template, scenario, JobRules(id="tick", window=HOURS))


@pytest.mark.parametrize("apart", ["by a time that was not handed over", "by another schedule"])
def test_what_is_no_part_of_the_gap_is_decided_by_itself(template: Path, apart: str) -> None:
    async def scenario(doors: Doors) -> None:
        noon = doors.clock.now()
        doors.writer.holds = True
        doors.arrive_due(due(noon))
        await doors.rest()
        doors.clock.advance(minutes=5)
        doors.arrive_due(due(noon + timedelta(minutes=1)))
        schedule = MINUTELY
        if apart == "by another schedule":
            schedule = parse_schedule(("*/5 * * * *",), "UTC", "test")
        doors.arrive_due(due(noon + timedelta(minutes=5), schedule=schedule))
        await doors.rest()
        await doors.writer.release()
        assert [row.scheduled_for for row in doors.rows()] == [noon + timedelta(minutes=n) for n in (0, 1, 5)]

    with_doors(template, scenario, JobRules(id="tick", overlap=OverlapPolicy.ALLOW, window=HOURS))
