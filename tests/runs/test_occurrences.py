"""Occurrences: each is decided about once, and a gap in the order of the schedule."""

import asyncio
from datetime import timedelta

import pytest
from support.runs import Place, Rig, due_now, job, with_runner

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import RunStatus, Trigger
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.db import clock_events
from jeeves_runner.errors import NotFound


def test_an_occurrence_runs_once_however_often_it_is_due(place: Place) -> None:
    place.apply(job("tick"))

    async def scenario(rig: Rig) -> None:
        due = due_now(place, "tick")
        await asyncio.gather(*(rig.runs.submit(due) for _ in range(5)))
        await rig.runs.idle()
        await rig.runs.submit(due)
        await rig.runs.idle()

    with_runner(place, scenario)
    assert [run.status for run in place.runs() if run.started_at is not None] == [RunStatus.OK]


def test_a_start_moves_the_watermark(place: Place) -> None:
    place.apply(job("tick"))
    due = due_now(place, "tick")
    with_runner(place, lambda rig: rig.runs.submit(due))
    assert place.value("SELECT decided_until FROM jobs") == to_text(due.latest)


def test_an_occurrence_at_the_watermark_never_starts(place: Place) -> None:
    place.apply(job("tick"))
    due = due_now(place, "tick")
    with place.write() as tx:
        tx.conn.execute("UPDATE jobs SET decided_until = ?", (to_text(due.latest),))
    with_runner(place, lambda rig: rig.runs.submit(due))
    assert place.runs() == []


def gap(place: Place, job_id: str, *, hours: float, every: int = 10) -> Due:
    """Occurrences each ``every`` minutes from some hours ago to a moment ago."""
    schedule = parse_schedule((f"*/{every} * * * *",), "UTC", "test")
    now = place.clock.now()
    start = now - timedelta(hours=hours)
    first, latest = schedule.next_after(start), schedule.latest(start, now - timedelta(seconds=10))
    assert first is not None
    assert latest is not None
    count = schedule.count(start, latest)
    return Due(job_id=job_id, schedule=schedule, first=first, latest=latest, count=count)


def test_of_a_gap_the_latest_runs_and_one_row_tells_of_the_rest(place: Place) -> None:
    place.apply(job("tick"))
    due = gap(place, "tick", hours=3)

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(due)
        await rig.runs.idle()

    with_runner(place, scenario)
    missed, caught_up = place.runs()
    assert (missed.status, missed.reason, missed.scheduled_for) == ("missed", "superseded", due.first)
    assert missed.occurrences == due.count - 1
    assert missed.last_for == due.latest - timedelta(minutes=10)
    assert (caught_up.status, caught_up.trigger) == ("ok", Trigger.CATCH_UP)
    assert caught_up.scheduled_for == due.latest


def test_under_all_every_occurrence_of_a_gap_runs_one_after_the_other(place: Place) -> None:
    place.apply(job("tick", catch_up="all"))
    due = gap(place, "tick", hours=1)

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(due)
        await rig.runs.idle()

    with_runner(place, scenario)
    ran = place.runs()
    assert [run.status for run in ran] == ["ok"] * due.count
    ends = [run.finished_at for run in ran if run.finished_at]
    starts = [run.started_at for run in ran if run.started_at]
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))


def test_a_gap_that_is_missed_altogether_is_decided_to_its_end(place: Place) -> None:
    place.apply(job("tick", catch_up="none"))
    due = gap(place, "tick", hours=3)

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(due)
        await rig.runs.submit(due)

    with_runner(place, scenario)
    (missed,) = place.runs()
    assert (missed.status, missed.occurrences, missed.last_for) == ("missed", due.count, due.latest)
    assert place.value("SELECT decided_until FROM jobs") == to_text(due.latest)


def test_rows_alone_decide_where_the_watermark_says_nothing(place: Place) -> None:
    """A clock that has been set back since left it far in the future."""
    place.apply(job("tick"))
    due = due_now(place, "tick")

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(due)
        await rig.runs.idle()
        with place.write() as tx:
            tx.conn.execute("UPDATE jobs SET decided_until = ?", (to_text(tx.now + timedelta(hours=4)),))
            clock_events.put_right(tx, "the clock was set back", since=due.first - timedelta(seconds=1))
        assert await rig.runs.submit(due) == []
        await rig.runs.idle()

    with_runner(place, scenario)
    assert place.story() == ["ok"]


def test_an_occurrence_of_a_job_that_was_deleted_since_it_was_read_does_not_start(place: Place) -> None:
    place.apply(job("tick"))

    async def scenario(rig: Rig) -> None:
        await rig.finish("tick")
        place.apply(delete=("tick",))  # and the runner is not told
        assert await rig.runs.submit(due_now(place, "tick")) == []
        with pytest.raises(NotFound):
            await rig.runs.request("tick")

    with_runner(place, scenario)
    assert place.story() == ["ok"]
