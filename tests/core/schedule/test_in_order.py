"""Places in order: the same as a sorted list, however they come and go."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jeeves_runner.core.schedule import in_order
from jeeves_runner.core.schedule.in_order import InOrder, Place

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PLACES = st.tuples(st.integers(0, 9).map(lambda n: NOON + timedelta(hours=n)), st.sampled_from("abcdef"))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PLACES, max_size=80))
def test_what_is_added_twice_is_taken_away(monkeypatch: pytest.MonkeyPatch, places: list[Place]) -> None:
    monkeypatch.setattr(in_order, "_BLOCK", 2)
    found, model = InOrder(), set[Place]()
    for place in places:
        if place in model:
            found.remove(place)
        else:
            found.add(place)
        model ^= {place}
        assert (len(found), found.first) == (len(model), min(model, default=None))
    for place in sorted(model):
        assert found.first == place
        found.remove(place)
    assert found.first is None
