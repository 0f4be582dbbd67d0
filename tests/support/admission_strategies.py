"""Worlds and events for hypothesis, the simple ones first, so that what fails shrinks to a short story."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import strategies as st
from support.admission_events import (
    Backfill,
    ByHand,
    ByRow,
    Cancel,
    Change,
    Comes,
    ComesAgain,
    Delete,
    Disable,
    Ends,
    Event,
    Look,
    Pause,
    Restart,
    Restore,
    Resume,
    Skip,
    Unskip,
    Wait,
    World,
)
from support.admission_races import Fired, Then
from support.admission_state import JobRules

from jeeves_runner.core.model import CatchUp, OverlapPolicy, RunStatus

NAMES = ("a", "b", "c")
POOLS = (("pool", 1),)


@st.composite
def rules(
    draw: st.DrawFn,
    job_id: str,
    overlap: Sequence[OverlapPolicy] = tuple(OverlapPolicy),
    catch_up: Sequence[CatchUp] = tuple(CatchUp),
) -> JobRules:
    return JobRules(
        id=job_id,
        overlap=draw(st.sampled_from(overlap)),
        catch_up=draw(st.sampled_from(catch_up)),
        window=timedelta(seconds=draw(st.sampled_from([60, 20]))),
        retries=draw(st.sampled_from([0, 1, 2])),
        retry_delay=timedelta(seconds=draw(st.sampled_from([20, 2, 90]))),
        retry_on=draw(st.sampled_from([(RunStatus.ERROR,), (RunStatus.ERROR, RunStatus.INTERRUPTED)])),
        pool=draw(st.sampled_from([None, "pool"])),
        priority=draw(st.sampled_from([0, 1])),
    )


@st.composite
def worlds(
    draw: st.DrawFn,
    overlap: Sequence[OverlapPolicy] = tuple(OverlapPolicy),
    catch_up: Sequence[CatchUp] = tuple(CatchUp),
) -> World:
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    return World(
        jobs=tuple(draw(rules(name, overlap, catch_up)) for name in names),
        limit=draw(st.sampled_from([4, 1, 2])),
        pools=draw(st.sampled_from([(), POOLS])),
    )


def events(world: World, calm: bool) -> st.SearchStrategy[Event]:
    names = st.sampled_from([rules.id for rules in world.jobs])
    few = st.integers(0, 3)
    forced = st.sampled_from([False, False, True])
    return st.one_of(
        st.builds(Comes, names, st.sampled_from([4, 8, 20, 70])),
        st.builds(ByHand, names, forced),
        st.builds(Ends, few, st.sampled_from([0, 1])),
        st.builds(ByRow, names, forced, st.just(True) if calm else st.booleans()),
        st.just(Look()),
        st.builds(Cancel, few),
        st.builds(Wait, st.sampled_from([1, 30, 100])),
        st.builds(Pause, names | st.none(), st.sampled_from([None, 10, 28])),
        st.builds(Resume, names | st.none()),
        st.builds(Skip, names, few),
        st.builds(Unskip, names, few),
        st.builds(ComesAgain, names),
        st.builds(Change, names),
        st.builds(Disable, names),
        st.builds(Delete, names),
        st.builds(Restore, names),
        st.builds(Restart, st.booleans()),
    )


@st.composite
def stories(
    draw: st.DrawFn,
    overlap: Sequence[OverlapPolicy] = tuple(OverlapPolicy),
    catch_up: Sequence[CatchUp] = tuple(CatchUp),
    calm: bool = False,
) -> tuple[World, list[Event]]:
    """A world, and what happens in it."""
    world = draw(worlds(overlap, catch_up))
    return world, draw(st.lists(events(world, calm), max_size=14))


@st.composite
def stories_of_skips(draw: st.DrawFn) -> tuple[World, list[Event]]:
    """One job, what people set for it, and a runner that looks late, sleeps, stops or dies."""
    its = draw(rules("a"))
    of_its = st.just("a")
    event = st.one_of(
        st.builds(Skip, of_its, st.integers(0, 5)),
        st.builds(Comes, of_its, st.sampled_from([4, 8, 20, 70])),
        st.builds(Unskip, of_its, st.integers(0, 5)),
        st.builds(Wait, st.sampled_from([3, 9, 30])),
        st.builds(Pause, of_its | st.none(), st.sampled_from([None, 10, 28])),
        st.builds(Resume, of_its | st.none()),
        st.builds(Ends, st.integers(0, 3), st.sampled_from([0, 1])),
        st.builds(Restart, st.booleans()),
        st.builds(ComesAgain, of_its),
        st.just(Look()),
    )
    return World(jobs=(its,), limit=draw(st.sampled_from([4, 1]))), draw(st.lists(event, max_size=20))


@st.composite
def stories_of_backfills(draw: st.DrawFn) -> tuple[World, list[Event]]:
    """Jobs whose times come, are made up for, fail, are paused and stopped meanwhile."""
    world = draw(worlds(catch_up=[CatchUp.LATEST]))
    names = st.sampled_from([rules.id for rules in world.jobs])
    few = st.integers(0, 3)
    event = st.one_of(
        st.builds(Backfill, names, st.sampled_from([12, 30, 100]), st.sampled_from([1, 2])),
        st.builds(Comes, names, st.sampled_from([4, 8, 70])),
        st.builds(Ends, few, st.sampled_from([0, 1])),
        st.builds(ByHand, names, st.sampled_from([False, False, True])),
        st.builds(ByRow, names),
        st.builds(Cancel, few),
        st.builds(Wait, st.sampled_from([1, 30])),
        st.builds(Pause, names | st.none(), st.sampled_from([None, 10])),
        st.builds(Resume, names | st.none()),
        st.builds(Disable, names),
        st.builds(Delete, names),
        st.builds(Restore, names),
        st.builds(Restart, st.booleans()),
    )
    return world, [Wait(20), Comes("a"), *draw(st.lists(event, max_size=16))]


def batches(world: World, most: int = 5) -> st.SearchStrategy[list[Fired]]:
    """Arrivals, ends and cancels at once, and what may be said of a job meanwhile."""
    names = st.sampled_from([rules.id for rules in world.jobs])
    few = st.integers(0, 3)
    forced = st.sampled_from([False, False, False, True])
    event = st.one_of(
        st.builds(ByHand, names, forced),
        st.builds(Comes, names),
        st.builds(Ends, few, st.sampled_from([0, 1])),
        st.builds(Cancel, few),
        st.builds(ByRow, names, forced),
        st.builds(Skip, names, st.sampled_from([-1, 0])),
        st.builds(Unskip, names, st.sampled_from([-1, 0])),
        st.builds(Change, names),
    )
    return st.lists(st.builds(Fired, event, st.sampled_from(Then)), min_size=1, max_size=most)


@st.composite
def races(
    draw: st.DrawFn, parts: int = 1, overlap: Sequence[OverlapPolicy] = tuple(OverlapPolicy)
) -> tuple[World, list[Event], list[list[Fired]]]:
    """A world, how it came to be busy, and batches of what then happens at once."""
    world = draw(worlds(overlap, [CatchUp.LATEST]))
    names = st.sampled_from([rules.id for rules in world.jobs])
    busy = st.builds(ByHand, names, st.sampled_from([False, True])) | st.builds(Comes, names)
    prelude: list[Event] = draw(st.lists(busy, max_size=3))
    if draw(st.booleans()):
        prelude.append(Wait(4))
    return world, prelude, [draw(batches(world)) for _ in range(parts)]


@st.composite
def races_of_skips(draw: st.DrawFn) -> tuple[World, list[Event], list[Fired]]:
    """One job of which something is due, and what people set for its occurrences while these are decided
    about."""
    world = World(jobs=(draw(rules("a")),))
    which = st.sampled_from([-1, 0])
    event = st.one_of(
        st.builds(Comes, st.just("a"), st.sampled_from([4, 20])),
        st.builds(Skip, st.just("a"), which),
        st.builds(Unskip, st.just("a"), which),
        st.builds(Ends, st.just(0), st.sampled_from([0, 1])),
    )
    rest = st.lists(st.builds(Fired, event, st.sampled_from(Then)), min_size=1, max_size=5)
    due: list[Event] = [Wait(draw(st.sampled_from([4, 9, 30])))]
    return world, due, [Fired(Comes("a"), draw(st.sampled_from(Then))), *draw(rest)]
