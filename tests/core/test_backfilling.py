"""What a backfill does next: a time's own run first, and those after it in their order."""

from collections.abc import Mapping
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.backfilling import Fate, FollowsJobs, Wave, downstream_of, fate_of
from jeeves_runner.core.model import RunStatus

AT = "2026-03-01T12:00:00.000Z"
JOBS = "abcdefg"


def after(job: str, upstreams: str, when: Literal["ok", "finished"] = "ok") -> FollowsJobs:
    return FollowsJobs(job, tuple(upstreams), when)


def wave(**ended: Fate) -> Wave:
    return Wave(AT, {job: number for number, job in enumerate(ended, 1)}, dict(ended))


@pytest.mark.parametrize(
    ("status", "has_started", "fate"),
    [
        ("ok", True, Fate.OK),
        ("skipped", True, Fate.IDLE),
        ("skipped", False, Fate.NOT_RUN),
        ("cancelled", False, Fate.NOT_RUN),
        ("cancelled", True, Fate.RAN),
        ("error", True, Fate.RAN),
        ("interrupted", True, Fate.RAN),
    ],
)
def test_what_a_chain_comes_to(status: str, has_started: bool, fate: Fate) -> None:
    assert fate_of(RunStatus(status), has_started=has_started) is fate


def test_a_job_comes_when_all_that_it_follows_among_these_are_ok() -> None:
    followers = downstream_of("a", [after("b", "a"), after("c", "ax"), after("d", "bc"), after("y", "x")])
    assert [each.job for each in followers] == ["b", "c", "d"]
    assert Wave(AT).ready("a", followers) == ["a"]
    assert Wave(AT, {"a": 1}).ready("a", followers) == []
    assert wave(a=Fate.OK).ready("a", followers) == ["b", "c"]
    assert wave(a=Fate.OK, b=Fate.OK).ready("a", followers) == ["c"]
    assert wave(a=Fate.OK, b=Fate.OK, c=Fate.OK).ready("a", followers) == ["d"]
    assert wave(a=Fate.OK, b=Fate.OK, c=Fate.RAN).ready("a", followers) == []


@pytest.mark.parametrize("fate", list(Fate))
def test_what_follows_a_failure_is_said_by_when(fate: Fate) -> None:
    followers = downstream_of("a", [after("b", "a"), after("c", "a", "finished")])
    expected = {Fate.OK: ["b", "c"], Fate.RAN: ["c"]}
    assert wave(a=fate).ready("a", followers) == expected.get(fate, [])


def test_a_wave_is_stored_as_it_is_and_follows_renames() -> None:
    one = Wave(AT, {"a": 7, "b": 9}, {"a": Fate.OK})
    assert Wave.of(one.as_json(), {}) == one
    assert Wave.of(one.as_json(), {"b": "new"}).active == {"new": 9}


graphs = st.dictionaries(st.sampled_from(JOBS), st.sets(st.sampled_from(JOBS)), max_size=len(JOBS))


@given(graphs, st.data())
def test_whatever_the_graph_each_job_runs_once_and_behind_what_it_follows(
    graph: Mapping[str, set[str]], data: st.DataObject
) -> None:
    followers = downstream_of("a", (after(job, "".join(sorted(ups))) for job, ups in graph.items()))
    one, order = Wave(AT), list[str]()
    while ready := one.ready("a", followers):
        job = data.draw(st.sampled_from(ready))
        assert job not in order
        order.append(job)
        one.runs[job] = len(order)
        one.ended[job] = Fate.OK
    assert order[0] == "a"
    assert set(order) == {"a", *(each.job for each in followers)}
    for each in followers:
        assert all(order.index(upstream) < order.index(each.job) for upstream in each.upstreams)
        assert set(each.upstreams) <= graph[each.job]
        assert each.upstreams


@given(graphs)
def test_what_is_reached_without_a_cycle_is_downstream(graph: Mapping[str, set[str]]) -> None:
    found = {
        each.job for each in downstream_of("a", (after(j, "".join(sorted(u))) for j, u in graph.items()))
    }
    reached = {"a"}
    while more := {job for job, ups in graph.items() if job != "a" and ups & reached} - reached:
        reached |= more
    assert found <= reached
    left = reached - {"a"} - found
    # What is left out follows another one that is left out: it is on a cycle, or behind one.
    assert all((graph[job] & reached) - {"a"} & left for job in left)
