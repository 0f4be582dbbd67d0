"""How many runs start in each minute."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.load import Peak, peak, per_minute

MIDNIGHT = datetime(2026, 11, 29, tzinfo=UTC)
starts = st.lists(st.integers(0, 600).map(lambda seconds: MIDNIGHT + timedelta(seconds=seconds)), max_size=40)


@given(starts)
def test_each_start_counts_in_its_minute(times: list[datetime]) -> None:
    load = per_minute(times)
    assert sum(load.values()) == len(times)
    for minute, count in load.items():
        assert count == sum(minute <= time < minute + timedelta(minutes=1) for time in times)


@given(starts)
def test_the_first_of_the_worst_minutes_is_the_peak(times: list[datetime]) -> None:
    load = per_minute(times)
    worst = peak(load)
    if worst is None:
        assert not times
        return
    assert worst.starts == max(load.values())
    assert all(count < worst.starts for minute, count in load.items() if minute < worst.minute)


def test_a_minute_begins_with_its_first_second() -> None:
    at = MIDNIGHT + timedelta(hours=2, seconds=59)
    assert peak(per_minute([at, at - timedelta(seconds=59)])) == Peak(MIDNIGHT + timedelta(hours=2), 2)
