"""The timetable: what is due, in which order, and nothing of what has been changed or removed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.calls import calls
from support.searching import searched

from jeeves_runner.core.schedule.schedule import Schedule, parse_schedule
from jeeves_runner.core.schedule.timetable import Due, Timetable

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def every(expression: str, exclude: Sequence[str] = ()) -> Schedule:
    return parse_schedule([expression], "UTC", "ns", exclude)


def at(hour: int, minute: int = 0) -> datetime:
    return NOON.replace(hour=hour, minute=minute)


def test_an_occurrence_is_due_once_at_its_time() -> None:
    hourly = every("0 * * * *")
    timetable = Timetable()
    timetable.put("a", hourly, NOON)
    assert timetable.next_wake() == timetable.next_of("a") == at(13)
    assert timetable.due(at(12, 59)) == []
    assert timetable.due(at(13)) == [Due(job_id="a", schedule=hourly, first=at(13), latest=at(13), count=1)]
    assert timetable.due(at(13)) == []
    assert timetable.next_of("a") == at(14)


def test_what_passed_unseen_comes_as_one_gap() -> None:
    timetable = Timetable()
    timetable.put("a", every("*/10 * * * *"), NOON)
    (due,) = timetable.due(at(13, 5))
    assert (due.first, due.latest, due.count) == (at(12, 10), at(13), 6)
    assert timetable.next_of("a") == at(13, 10)


def test_a_year_of_seconds_is_one_gap_too() -> None:
    timetable = Timetable()
    timetable.put("a", every("* * * * * *"), NOON)
    (due,) = timetable.due(NOON + timedelta(days=365))
    assert (due.first, due.latest, due.count) == (
        NOON + timedelta(seconds=1),
        NOON + timedelta(days=365),
        365 * 86_400,
    )


def test_due_is_ordered_by_time_then_id() -> None:
    timetable = Timetable()
    for job_id, expression in [
        ("c", "0 13 * * *"),
        ("b", "30 13 * * *"),
        ("a", "30 13 * * *"),
        ("d", "0 13 * * *"),
    ]:
        timetable.put(job_id, every(expression), NOON)
    assert [due.job_id for due in timetable.due(at(14))] == ["c", "d", "a", "b"]


def test_a_changed_schedule_leaves_nothing_of_the_old_one() -> None:
    timetable = Timetable()
    timetable.put("a", every("0 13 * * *"), NOON)
    timetable.put("a", every("0 15 * * *"), NOON)
    assert timetable.next_wake() == at(15)
    assert timetable.due(at(14)) == []
    assert [due.first for due in timetable.due(at(15))] == [at(15)]


def test_putting_the_same_schedule_again_does_not_double_it() -> None:
    timetable = Timetable()
    for _ in range(3):
        timetable.put("a", every("0 13 * * *"), NOON)
    assert len(timetable.due(at(13))) == 1


def test_a_removed_job_is_gone_and_may_come_back() -> None:
    timetable = Timetable()
    timetable.put("a", every("0 13 * * *"), NOON)
    timetable.remove("a")
    timetable.remove("never there")
    assert (len(timetable), timetable.next_of("a"), timetable.next_wake()) == (0, None, None)
    assert timetable.due(at(23)) == []
    timetable.put("a", every("0 13 * * *"), NOON + timedelta(days=1))
    assert timetable.next_wake() == at(13) + timedelta(days=1)


def test_a_schedule_that_never_occurs_is_kept_without_a_time() -> None:
    timetable = Timetable()
    timetable.put("a", parse_schedule([], "UTC", "ns"), NOON)
    assert len(timetable) == 1
    assert timetable.next_wake() is None


def test_occurrences_at_or_before_the_given_time_do_not_count() -> None:
    timetable = Timetable()
    timetable.put("a", every("0 * * * *"), at(15))
    assert timetable.due(at(15)) == []
    assert timetable.next_wake() == at(16)


def test_ten_thousand_jobs_due_at_once() -> None:
    timetable = Timetable()
    ids = [f"job-{n:05}" for n in range(10_000)]
    for job_id in ids:
        timetable.put(job_id, every("0 * * * *"), NOON)
    assert [due.job_id for due in timetable.due(at(13))] == ids
    assert timetable.next_wake() == at(14)


@pytest.mark.parametrize("how", ["put", "remove"])
def test_no_step_grows_with_the_changes_before_it(how: str) -> None:
    timetable = Timetable()
    ids = [f"job-{n:05}" for n in range(5_000)]
    soon, later = every("0 13 * * *"), every("0 15 * * *")
    for job_id in ids:
        timetable.put(job_id, soon, NOON)
    change = {"put": lambda job_id: timetable.put(job_id, later, NOON), "remove": timetable.remove}[how]
    assert max(calls(partial(change, job_id)) for job_id in ids) < 200
    assert calls(timetable.next_wake) < 20
    assert calls(lambda: timetable.due(at(14), limit=8)) < 20


@pytest.mark.parametrize("last", ["put", "remove"])
def test_endless_changes_do_not_pile_up(last: str) -> None:
    timetable = Timetable()
    for n in range(5_000):
        timetable.put("a", every(f"{n % 60} * * * *"), NOON)
        if last == "remove":
            timetable.remove("a")
    assert len(timetable._coming) == len(timetable) == (last == "put")


EXPRESSIONS = st.sampled_from(
    ["* * * * *", "*/7 * * * *", "0 * * * *", "30 */3 * * *", "0 0 * * *", "0 12 1 * *", "0 0 29 2 *"]
)
IDS = st.sampled_from("abcdef")
STEPS = st.timedeltas(timedelta(0), timedelta(days=2))


class AgainstAPlainModel(RuleBasedStateMachine):
    """The same calls against a dict of (schedule, decided until), asked occurrence by occurrence."""

    @initialize()
    def start(self) -> None:
        self.timetable = Timetable()
        self.model: dict[str, tuple[Schedule, datetime]] = {}
        self.now = NOON

    @rule(job_id=IDS, expression=EXPRESSIONS, back=st.timedeltas(timedelta(0), timedelta(hours=3)))
    def put(self, job_id: str, expression: str, back: timedelta) -> None:
        schedule = every(expression)
        self.timetable.put(job_id, schedule, self.now - back)
        self.model[job_id] = schedule, self.now - back

    @rule(job_id=IDS)
    def remove(self, job_id: str) -> None:
        self.timetable.remove(job_id)
        self.model.pop(job_id, None)

    @rule(step=STEPS)
    def time_passes(self, step: timedelta) -> None:
        self.now += step
        expected = []
        for job_id, (schedule, decided) in self.model.items():
            passed = list(schedule.between(decided, self.now))
            if passed:
                expected.append((passed[0], job_id, passed[-1], len(passed)))
                self.model[job_id] = schedule, passed[-1]
        found = [(due.first, due.job_id, due.latest, due.count) for due in self.timetable.due(self.now)]
        assert found == sorted(expected)

    @rule()
    def time_steps_back(self) -> None:
        self.now -= timedelta(minutes=45)

    @invariant()
    def what_comes_next_is_agreed(self) -> None:
        coming = {job_id: schedule.next_after(decided) for job_id, (schedule, decided) in self.model.items()}
        assert len(self.timetable) == len(coming)
        assert {job_id: self.timetable.next_of(job_id) for job_id in coming} == coming
        assert self.timetable.next_wake() == min((each for each in coming.values() if each), default=None)


TestAgainstAPlainModel = AgainstAPlainModel.TestCase
TestAgainstAPlainModel.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


@searched(20)
@given(EXPRESSIONS, st.timedeltas(timedelta(0), timedelta(days=3)), st.lists(STEPS, min_size=1, max_size=8))
def test_gaps_add_up_to_every_occurrence(expression: str, back: timedelta, steps: list[timedelta]) -> None:
    """However often one looks, the counts sum to what the schedule holds."""
    schedule, begin = every(expression), NOON - back
    timetable = Timetable()
    timetable.put("a", schedule, begin)
    now, total = begin, 0
    for step in steps:
        now += step
        total += sum(due.count for due in timetable.due(now))
    assert total == sum(1 for _ in schedule.between(begin, now))
