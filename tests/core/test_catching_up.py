"""The moments at which jobs catch up: by their scheduled time, then priority, evenly over a span."""

from datetime import UTC, datetime, timedelta

from jeeves_runner.core.catching_up import CatchingUp, Late, is_late
from jeeves_runner.core.gap import catch_up
from jeeves_runner.core.model import CatchUp
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.schedule.timetable import Due

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOURLY = parse_schedule(("0 * * * *",), "UTC", "x")


def due(job_id: str, ago: timedelta, count: int = 1) -> Due:
    when = NOW - ago
    return Due(job_id=job_id, schedule=HOURLY, first=when, latest=when, count=count)


def hour(hours: int) -> timedelta:
    return timedelta(hours=hours)


def test_the_older_goes_first_and_of_one_time_the_higher_priority() -> None:
    pace = CatchingUp(timedelta(0))
    pace.add([Late(due("b", hour(1)), 0), Late(due("c", hour(1)), 5), Late(due("a", hour(1)), 0)], NOW)
    pace.add([Late(due("young", hour(0)), 9), Late(due("old", hour(9)), -9)], NOW)
    assert [each.job_id for each in pace.due(NOW, 4)] == ["c", "a", "b", "old"]
    assert [each.job_id for each in pace.due(NOW, 4)] == ["young"]
    assert len(pace) == 0


def test_they_are_evenly_spaced_over_the_span() -> None:
    pace = CatchingUp(timedelta(minutes=4))
    pace.add([Late(due(name, hour(n)), 0) for n, name in enumerate("dcba", 1)], NOW)
    seen = []
    for minute in range(4):
        now = NOW + timedelta(minutes=minute)
        assert pace.next_wake() == now
        assert pace.due(now - timedelta(seconds=1), 9) == []
        seen += [each.job_id for each in pace.due(now, 9)]
    assert seen == ["a", "b", "c", "d"]
    assert pace.next_wake() is None


def test_one_that_comes_due_meanwhile_waits_no_longer() -> None:
    pace = CatchingUp(timedelta(hours=9))
    pace.add([Late(due("first", hour(9)), 0), Late(due("second", hour(8), 3), 0)], NOW)
    later = due("second", -hour(1))
    joined = pace.joined(later)
    assert (joined.first, joined.latest, joined.count) == (NOW - hour(8), later.latest, 4)
    assert pace.joined(later) is later
    assert [each.job_id for each in pace.due(NOW + hour(9), 9)] == ["first"]


def test_one_that_is_late_again_keeps_its_moment() -> None:
    pace = CatchingUp(timedelta(minutes=10))
    pace.add([Late(due("a", hour(2)), 0), Late(due("b", hour(1)), 0)], NOW)
    pace.add([Late(due("b", timedelta(0)), 0)], NOW + timedelta(minutes=1))
    assert [each.count for each in pace.due(NOW + timedelta(minutes=5), 9)] == [1, 2]


def test_a_job_that_was_changed_is_forgotten() -> None:
    pace = CatchingUp(timedelta(minutes=10))
    pace.add([Late(due("a", hour(2)), 0), Late(due("b", hour(1)), 0)], NOW)
    pace.drop("a")
    pace.drop("unknown")
    assert pace.next_wake() == NOW + timedelta(minutes=5)
    pace.clear()
    assert len(pace) == 0


def test_within_five_seconds_it_is_on_time() -> None:
    assert not is_late(due("a", timedelta(seconds=5)), NOW)
    assert is_late(due("a", timedelta(seconds=5.1)), NOW)


def test_the_moments_are_told_until_they_have_come() -> None:
    pace = CatchingUp(timedelta(minutes=10))
    pace.add([Late(due("b", hour(1)), 0), Late(due("a", hour(2)), 0)], NOW)
    moments = pace.moments()
    assert list(moments.items()) == [("a", NOW), ("b", NOW + timedelta(minutes=5))]
    pace.due(NOW, 9)
    assert len(moments) == 2
    assert list(pace.moments()) == ["b"]


def test_what_was_not_too_late_when_it_was_found_is_not_too_late_at_its_moment() -> None:
    pace = CatchingUp(timedelta(minutes=10))
    pace.add([Late(due(name, hour(12)), 0) for name in "ab"], NOW)
    moment = NOW + timedelta(minutes=5)
    (_, found) = pace.due(moment, 9)
    plan = catch_up(found, CatchUp.LATEST, hour(12), moment)
    assert (plan.late, plan.left_out) == ((found.latest,), ())
    assert catch_up(due("b", hour(12)), CatchUp.LATEST, hour(12), moment).late == ()
