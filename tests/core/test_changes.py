"""Files have changed when they rest, and are otherwise than when they were taken."""

from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.changes import Watching, pauses

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def after(looks: list[tuple[float, str]], taken: str | None = "a") -> Watching:
    """What is known after these looks, each at a second with what was found."""
    known = Watching(None if taken is None else {"in": taken})
    for second, found in looks:
        known = known.looked({"in": found}, NOON + timedelta(seconds=second), second)
    return known


def test_a_change_settles_once_nothing_has_changed_for_the_debounce() -> None:
    known = after([(0, "a"), (1, "b"), (3, "c"), (7, "c")])
    assert (known.has_settled(7.9, 5), known.has_settled(8, 5)) == (False, True)
    assert (known.first_at, known.last_at) == (NOON + timedelta(seconds=1), NOON + timedelta(seconds=3))
    assert known.changed == ["in"]


def test_what_is_as_it_was_again_has_not_changed() -> None:
    known = after([(1, "b"), (2, "a")])
    assert (known.seen, known.has_settled(99, 5)) == (None, False)


def test_what_was_never_taken_does_not_settle() -> None:
    assert not after([(0, "a"), (1, "b")], taken=None).has_settled(99, 5)


def test_it_is_known_what_of_several_has_changed() -> None:
    known = Watching({"x": "1", "y": "1", "z": "1"})
    assert known.looked({"x": "1", "y": "2", "z": "3"}, NOON, 0).changed == ["y", "z"]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc")), max_size=20), st.integers(0, 10))
def test_what_settles_is_what_was_found_in_each_look_of_the_debounce(
    steps: list[tuple[int, str]], debounce: int
) -> None:
    second, looks = 0, list[tuple[float, str]]()
    for step, found in steps:
        second += step
        looks.append((second, found))
    known = after(looks)
    within = [found for at, found in looks if at > second - debounce]
    if known.has_settled(second, debounce):
        assert known.seen == {"in": looks[-1][1]}
        assert looks[-1][1] != "a"
        assert set(within) <= {looks[-1][1]}


@given(
    st.dictionaries(st.text(max_size=3), st.floats(0, 100), min_size=1),
    st.floats(0.001, 0.5),
)
def test_all_looks_together_keep_within_their_share(costs: dict[str, float], share: float) -> None:
    waits = pauses(costs, share, 1.0)
    assert sum(cost / waits[place] for place, cost in costs.items()) <= share * 1.0001
    assert all(wait >= 1.0 for wait in waits.values())


def test_a_place_that_costs_much_hardly_slows_those_that_do_not() -> None:
    waits = pauses({"large": 0.4, "a": 0.0001, "b": 0.0001}, 0.02, 1.0)
    assert 20 < waits["large"] < 22
    assert waits["a"] == waits["b"] == 1.0
    assert pauses({"large": 0.4}, 0.02, 1.0) == {"large": 20.0}
