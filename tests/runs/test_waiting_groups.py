"""The groups of waiting attempts, against a list that is searched from end to end."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.runs import HOLD, Place, Rig, job, with_runner

from jeeves_runner.clock import Slice
from jeeves_runner.core.board.entry import Peers, Why
from jeeves_runner.core.board.waiting import Waiting
from jeeves_runner.core.model import OverlapPolicy, Reason, RunStatus, Trigger
from jeeves_runner.core.run import Run
from jeeves_runner.runs.attempt import Attempt

T = TypeVar("T")

LIMIT: Why = (Reason.LIMIT, None)
WHYS: list[Why | None] = [None, (Reason.OVERLAP, None), (Reason.POOL, "p"), (Reason.POOL, "q"), LIMIT]


def attempt(number: int, job_id: str, priority: int, trigger: Trigger) -> Attempt:
    values: dict[str, Any] = dict.fromkeys(Run._fields)
    values |= {"id": number, "job_id": job_id, "priority": priority, "status": RunStatus.SCHEDULED}
    run = Run(**values)
    return Attempt(job_id=job_id, trigger=trigger, run=run)


TRIGGERS = st.sampled_from([Trigger.MANUAL, Trigger.RETRY])
ATTEMPTS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 1), TRIGGERS), max_size=8)
CHANGES = st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["leaves", *WHYS])), max_size=12)


@given(ATTEMPTS, CHANGES)
def test_groups_tell_what_a_search_of_all_attempts_tells(
    facts: list[tuple[str, int, Trigger]], changes: list[tuple[int, str | Why | None]]
) -> None:
    waiting: Waiting[Attempt] = Waiting()
    all_of_them = [attempt(number, *each) for number, each in enumerate(facts, 1)]
    for each in all_of_them:
        waiting.add(each)
    for place, change in changes:
        if place >= len(all_of_them):
            continue
        if isinstance(change, str):
            waiting.remove(all_of_them.pop(place))
        else:
            waiting.note(all_of_them[place], change)
    in_turn = sorted(all_of_them, key=lambda each: each.turn)
    groups: dict[Peers, list[Attempt]] = {}
    for each in in_turn:
        groups.setdefault(each.peers, []).append(each)
    firsts = [each for each in in_turn if groups[each.peers][0] is each]
    assert next_ones(waiting.first_after, [None, *(each.turn for each in firsts)]) == [*firsts, None]
    for peers, members in groups.items():
        assert waiting.first_of(peers) is members[0]
        assert next_ones(waiting.next_of_group, members) == [*members[1:], None]
        for place, each in enumerate(members):
            wanted = {other.turn for other in members[place:] if other.why != LIMIT}
            assert {other.turn for other in waiting.noted_otherwise(each, LIMIT)} == wanted
    held = {each.peers for each in in_turn if each.why == (Reason.POOL, "p")}
    held |= {each.peers for each in in_turn if each.job_id == "a" and each.why == (Reason.OVERLAP, None)}
    assert set(waiting.held_by("a", "p")) == held


def next_ones(ask: Callable[[T], Attempt | None], about: list[T]) -> list[Attempt | None]:
    return [ask(each) for each in about]


def test_reasons_are_renewed_although_the_loop_has_its_turn_after_each_portion(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waited for a place in its pool waits for a slot, once others have the slots."""
    monkeypatch.setattr(Slice, "LENGTH", -1.0)
    waiting = 150
    place.apply(
        job("slow", HOLD, overlap_policy=OverlapPolicy.ALLOW, pool="one"),
        job("urgent", HOLD, priority=1, overlap_policy=OverlapPolicy.ALLOW),
    )

    async def scenario(rig: Rig) -> None:
        slow = await rig.runs.request("slow")
        await rig.runs.request("urgent")
        for _ in range(waiting):
            place.request("slow")
        await rig.runs.look()
        await rig.until(lambda: set(place.story("slow")[1:]) <= {"scheduled: pool", "scheduled: limit"})
        await rig.runs.request("urgent")
        await rig.runs.cancel(slow.id)
        await rig.until_story("urgent", "running", "running")
        await rig.until(lambda: place.story("slow")[1:] == ["scheduled: limit"] * waiting)

    with_runner(place, scenario, max_concurrency=2, pools={"one": 1})
