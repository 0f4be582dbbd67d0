"""The ring of events: who was away goes on without a gap and without a double, or is told that it cannot."""

from hypothesis import given, settings
from hypothesis import strategies as st

from jeeves_runner.api.events_ring import Event, Ring

ABOUT = st.sampled_from(("run 1", "run 2", "run 3", "queue mail"))


def events(ring: Ring, *about: str, at: float = 0.0) -> list[Event]:
    made = [
        Event(number, "run", name, None, at, f"{name} {number}".encode())
        for number, name in enumerate(about, ring.newest + 1)
    ]
    ring.add(made)
    return made


def numbers(found: list[Event]) -> list[int]:
    return [event.number for event in found]


def test_of_what_is_about_the_same_thing_the_newest_is_sent() -> None:
    ring = Ring()
    events(ring, "run 1", "run 2", "run 1", "run 3", "run 2")
    assert numbers(ring.after(0)) == [3, 4, 5]
    assert numbers(ring.after(3)) == [4, 5]
    assert ring.after(5) == []


def test_what_is_too_old_is_let_go_and_who_needs_it_begins_anew() -> None:
    ring = Ring(seconds=600)
    events(ring, "run 1", at=0)
    events(ring, "run 2", at=500)
    ring.forget(601)
    assert not ring.holds_all_after(0)
    assert ring.holds_all_after(1)
    assert numbers(ring.after(1)) == [2]


def test_what_is_too_many_or_too_large_is_let_go() -> None:
    many = Ring(most=3)
    events(many, "run 1", "run 2", "run 3", "run 4")
    assert not many.holds_all_after(0)
    assert numbers(many.after(1)) == [2, 3, 4]
    large = Ring(most_bytes=20)
    events(large, "run 1", "run 2", "run 3")
    assert not large.holds_all_after(0)
    assert numbers(large.after(1)) == [2, 3]


def test_a_number_that_is_not_yet_there_is_not_gone_on_from() -> None:
    ring = Ring()
    events(ring, "run 1")
    assert ring.holds_all_after(1)
    assert not ring.holds_all_after(2)


def test_nothing_goes_on_from_before_a_gap() -> None:
    ring = Ring()
    events(ring, "run 1")
    ring.leave_a_gap()
    assert not ring.holds_all_after(1)
    assert ring.holds_all_after(ring.newest)
    assert numbers(events(ring, "run 2")) == [3]
    empty = Ring()
    empty.leave_a_gap()
    assert not empty.holds_all_after(0)


@settings(deadline=None)
@given(
    batches=st.lists(st.tuples(st.lists(ABOUT, max_size=5), st.booleans(), st.integers(0, 5)), max_size=40),
    most=st.integers(3, 30),
)
def test_a_client_that_comes_and_goes_knows_the_newest_of_everything_and_nothing_twice(
    batches: list[tuple[list[str], bool, int]], most: int
) -> None:
    """It takes some of what there is, or all, or is away; told to begin anew, it reads the truth."""
    ring = Ring(most=most)
    truth: dict[str, int] = {}
    known: dict[str, int] = {}
    taken: list[int] = []
    last = 0
    for about, is_there, takes in batches:
        for event in events(ring, *about):
            truth[event.about] = event.number
        if not is_there:
            continue
        if not ring.holds_all_after(last):
            known, last = dict(truth), ring.newest
        for event in ring.after(last)[:takes]:
            known[event.about] = last = event.number
            taken.append(event.number)
    if not ring.holds_all_after(last):
        known, last = dict(truth), ring.newest
    for event in ring.after(last):
        known[event.about] = event.number
        taken.append(event.number)
    assert known == truth
    assert taken == sorted(set(taken))
