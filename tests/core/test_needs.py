"""What a job needs before an occurrence starts: what is lacking at a moment, and for how long it waits."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.edge_spec import Need
from jeeves_runner.core.model import Trigger
from jeeves_runner.core.needs import Unmet, unmet_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = 3_600_000


def lacking(
    *needs: Need, trigger: Trigger = Trigger.SCHEDULE, due: datetime = NOW, **last: int
) -> Unmet | None:
    """``last``: how many milliseconds ago a job has ended ok."""
    ends = {job: NOW - timedelta(milliseconds=ago) for job, ago in last.items()}
    return unmet_of(needs, trigger, ends.get, due, NOW)


def test_what_has_ended_ok_within_the_span_is_met_to_the_millisecond() -> None:
    assert lacking(Need("a", HOUR), a=HOUR) is None
    assert lacking(Need("a", HOUR), a=HOUR + 1) == Unmet("a", None)
    assert lacking(Need("a", HOUR)) == Unmet("a", None)


def test_it_is_waited_for_from_the_scheduled_time_on() -> None:
    due = NOW - timedelta(minutes=20)
    assert lacking(Need("a", HOUR, HOUR), due=due) == Unmet("a", due + timedelta(hours=1))


def test_of_several_all_must_be_waited_for_and_the_shortest_wait_counts() -> None:
    long, short, none = Need("a", HOUR, 2 * HOUR), Need("b", HOUR, HOUR), Need("c", HOUR)
    assert lacking(long, short) == Unmet("a", NOW + timedelta(hours=1))
    assert lacking(long, none) == Unmet("a", None)
    assert lacking(long, none, c=0) == Unmet("a", NOW + timedelta(hours=2))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=4), st.integers(0, 5))
def test_nothing_is_lacking_where_each_has_ended_in_time(pairs: list[tuple[str, int]], ago: int) -> None:
    needs = [Need(job, within) for job, within in pairs]
    found = lacking(*needs, a=ago, b=ago, c=ago)
    assert (found is None) == all(ago <= within for _, within in pairs)


@given(st.sampled_from(sorted(Trigger)))
def test_only_what_comes_by_time_or_with_a_start_asks_for_it(trigger: Trigger) -> None:
    asks = trigger in (Trigger.SCHEDULE, Trigger.CATCH_UP, Trigger.START)
    assert (lacking(Need("a", HOUR), trigger=trigger) is not None) == asks


def test_it_is_waited_for_until_its_moment_and_no_longer() -> None:
    unmet = Unmet("a", NOW)
    assert unmet.may_be_met(NOW - timedelta(milliseconds=1))
    assert not unmet.may_be_met(NOW)
    assert not Unmet("a", None).may_be_met(NOW)
