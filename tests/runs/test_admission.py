"""Who runs, waits or does not run: the product against a plain model of the rules, event by event.

``make campaign`` looks for what the few examples of every day do not find.
"""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.admission_events import (
    Backfill,
    ByHand,
    ByRow,
    Cancel,
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
    Wait,
    World,
)
from support.admission_play import play
from support.admission_races import Fired, Then, race, race_through_a_restart
from support.admission_state import JobRules
from support.admission_strategies import (
    races,
    races_of_skips,
    stories,
    stories_of_backfills,
    stories_of_skips,
)

from jeeves_runner.core.model import CatchUp, OverlapPolicy, RunStatus

SKIP, ALLOW, QUEUE, REPLACE = OverlapPolicy
EVERYDAY = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)


def one_job(overlap: OverlapPolicy, catch_up: CatchUp = CatchUp.LATEST) -> World:
    return World(jobs=(JobRules(id="a", overlap=overlap, catch_up=catch_up),))


@pytest.mark.parametrize("catch_up", list(CatchUp))
@pytest.mark.parametrize("overlap", list(OverlapPolicy))
def test_what_happens_one_after_the_other(template: Path, overlap: OverlapPolicy, catch_up: CatchUp) -> None:
    """Jobs of one policy, and other programs of which the runner hears at once."""

    @settings(EVERYDAY, max_examples=6)
    @given(stories([overlap], [catch_up], calm=True))
    def check(story: tuple[World, list[Event]]) -> None:
        play(story[0], template, story[1])

    check()


@settings(EVERYDAY, max_examples=15)
@given(story=stories(), one_by_one=st.booleans())
def test_whatever_happens_one_after_the_other(
    template: Path, story: tuple[World, list[Event]], one_by_one: bool
) -> None:
    """Jobs of all policies, and other programs of which the runner hears late."""
    play(story[0], template, story[1], one_by_one=one_by_one)


@settings(EVERYDAY, max_examples=20)
@given(story=stories_of_skips(), one_by_one=st.booleans())
def test_what_is_skipped_never_starts_and_has_one_row(
    template: Path, story: tuple[World, list[Event]], one_by_one: bool
) -> None:
    """Whatever people set and take back meanwhile, and whenever a runner looks, stops or dies."""
    play(story[0], template, story[1], one_by_one=one_by_one)


@settings(EVERYDAY, max_examples=20)
@given(story=stories_of_backfills(), one_by_one=st.booleans())
def test_a_backfill_makes_up_for_times_beside_all_that_happens(
    template: Path, story: tuple[World, list[Event]], one_by_one: bool
) -> None:
    """It waits for other runs of its job, and they wait for it; none of them is skipped for it alone."""
    play(story[0], template, story[1], one_by_one=one_by_one)


@pytest.mark.campaign
def test_a_long_campaign_of_backfills_finds_nothing_more(template: Path) -> None:
    @settings(EVERYDAY, max_examples=3000, database=None)
    @given(stories_of_backfills(), st.booleans())
    def check(story: tuple[World, list[Event]], one_by_one: bool) -> None:
        play(story[0], template, story[1], one_by_one=one_by_one)

    check()


@pytest.mark.campaign
def test_a_long_campaign_of_skips_finds_nothing_more(template: Path) -> None:
    @settings(EVERYDAY, max_examples=3000, database=None)
    @given(stories_of_skips(), st.booleans())
    def check(story: tuple[World, list[Event]], one_by_one: bool) -> None:
        play(story[0], template, story[1], one_by_one=one_by_one)

    check()


@pytest.mark.campaign
@pytest.mark.parametrize("part", range(8))
def test_a_long_campaign_of_stories_finds_nothing_more(template: Path, part: int) -> None:
    @settings(EVERYDAY, max_examples=1500, database=None)
    @given(stories(), st.booleans())
    def check(story: tuple[World, list[Event]], one_by_one: bool) -> None:
        play(story[0], template, story[1], one_by_one=one_by_one)

    check()


# Several events at once


@pytest.mark.parametrize("overlap", list(OverlapPolicy))
def test_what_happens_at_once_ends_like_some_order_of_it(template: Path, overlap: OverlapPolicy) -> None:
    @settings(EVERYDAY, max_examples=8)
    @given(races(overlap=[overlap]), st.booleans())
    def check(drawn: tuple[World, list[Event], list[list[Fired]]], one_by_one: bool) -> None:
        world, prelude, (batch,) = drawn
        race(world, template, prelude, batch, one_by_one=one_by_one)

    check()


@settings(EVERYDAY, max_examples=20)
@given(drawn=races_of_skips(), one_by_one=st.booleans())
def test_what_is_skipped_amid_its_decision_does_not_start(
    template: Path, drawn: tuple[World, list[Event], list[Fired]], one_by_one: bool
) -> None:
    world, due, batch = drawn
    race(world, template, due, batch, one_by_one=one_by_one)


@pytest.mark.parametrize("overlap", list(OverlapPolicy))
def test_a_restart_amid_what_happens_at_once_breaks_no_rule(template: Path, overlap: OverlapPolicy) -> None:
    @settings(EVERYDAY, max_examples=7)
    @given(races(2, [overlap]), st.booleans(), st.booleans())
    def check(drawn: tuple[World, list[Event], list[list[Fired]]], dies: bool, committed: bool) -> None:
        world, prelude, (before, after) = drawn
        race_through_a_restart(world, template, (prelude, before, after), dies=dies, committed=committed)

    check()


@pytest.mark.campaign
@pytest.mark.parametrize("part", range(8))
def test_a_long_campaign_of_races_finds_nothing_more(template: Path, part: int) -> None:
    @settings(EVERYDAY, max_examples=1500, database=None)
    @given(races(2), st.booleans(), st.booleans(), st.booleans())
    def check(
        drawn: tuple[World, list[Event], list[list[Fired]]], dies: bool, committed: bool, one_by_one: bool
    ) -> None:
        world, prelude, (before, after) = drawn
        race(world, template, prelude, before, one_by_one=one_by_one)
        race_through_a_restart(world, template, (prelude, before, after), dies=dies, committed=committed)

    check()


@pytest.mark.parametrize("overlap", list(OverlapPolicy))
def test_twenty_requests_at_once(template: Path, overlap: OverlapPolicy) -> None:
    """Under ``replace`` the first and the last of them start, under ``queue`` two, under ``skip`` one."""
    race(one_job(overlap), template, [], [Fired(ByHand("a"))] * 20)


def test_of_an_occurrence_and_a_request_by_row_at_once_one_replaces_the_other(template: Path) -> None:
    world = World(jobs=(JobRules(id="a", overlap=REPLACE), JobRules(id="b")), limit=1)
    race(world, template, [ByHand("b"), Wait(4)], [Fired(Comes("a")), Fired(ByRow("a"))])


def test_what_has_been_replaced_before_its_decision_is_recorded_replaces_nothing(template: Path) -> None:
    """Of two requests that are decided about at once, one remains."""
    race(one_job(REPLACE), template, [ByHand("a")], [Fired(ByHand("a")), Fired(ByRow("a"))])


def test_a_request_replaces_the_retry_that_is_recorded_just_before_it(template: Path) -> None:
    """The retry has the larger id, and no runner has decided about it either."""
    world = World(jobs=(JobRules(id="a", overlap=REPLACE, retries=1),))
    race(world, template, [Comes("a")], [Fired(Ends(code=1)), Fired(ByRow("a"))])


def test_a_forced_request_that_comes_with_occurrences_is_not_replaced_by_the_last_of_them(
    template: Path,
) -> None:
    """They are decided about first, and the forced run starts while that is recorded."""
    race(one_job(REPLACE), template, [Wait(8)], [Fired(ByHand("a", forced=True)), Fired(Comes("a"))])


def test_a_forced_request_that_is_decided_about_while_another_one_replaces_is_not_told_to_end(
    template: Path,
) -> None:
    """The replacement was decided about before it, and is recorded before it."""
    race(one_job(REPLACE), template, [ByHand("a")], [Fired(ByHand("a", forced=True)), Fired(ByRow("a"))])


def test_a_run_that_fails_by_itself_while_it_is_being_replaced_is_not_tried_again(template: Path) -> None:
    world = World(jobs=(JobRules(id="a", overlap=REPLACE, retries=1),))
    batch = [Fired(ByHand("a"), Then.COMMITTED), Fired(Ends(code=1))]
    race(world, template, [Comes("a")], batch)


def test_a_run_that_waits_hands_its_turn_to_its_replacement(template: Path) -> None:
    """Also where both are seen together with the end that frees the slot."""
    urgent = JobRules(id="a", overlap=REPLACE, priority=1)
    world = World(jobs=(urgent, JobRules(id="b"), JobRules(id="c")), limit=1)
    prelude = [ByHand("b"), ByHand("a"), ByHand("c")]
    race(world, template, prelude, [Fired(ByHand("a")), Fired(Ends())])


def test_a_run_that_waits_for_its_pool_hands_its_turn_to_its_replacement(template: Path) -> None:
    urgent = JobRules(id="a", overlap=REPLACE, priority=1, pool="pool")
    jobs = (urgent, JobRules(id="b", pool="pool"), JobRules(id="c", pool="pool"))
    world = World(jobs=jobs, pools=(("pool", 1),))
    prelude = [ByHand("b"), ByHand("a"), ByHand("c")]
    race(world, template, prelude, [Fired(ByHand("a")), Fired(Ends())])


def test_a_run_that_waits_keeps_its_turn_while_a_forced_one_of_its_job_is_recorded(template: Path) -> None:
    world = World(jobs=(JobRules(id="a", overlap=REPLACE), JobRules(id="b"), JobRules(id="c")), limit=1)
    prelude = [ByHand("b"), ByHand("a"), ByHand("c")]
    race(world, template, prelude, [Fired(ByHand("a", forced=True)), Fired(Ends())])


def test_a_retry_that_waits_hands_its_turn_to_its_replacement(template: Path) -> None:
    urgent = JobRules(id="a", overlap=REPLACE, priority=1, retries=1)
    world = World(jobs=(urgent, JobRules(id="b"), JobRules(id="c")), limit=1)
    prelude: list[Event] = [ByHand("a"), Ends(code=1), ByHand("b"), ByHand("c"), Wait(30)]
    race(world, template, prelude, [Fired(ByHand("a")), Fired(Ends())])


def test_a_run_that_ends_by_itself_leaves_its_slot_to_the_run_that_was_about_to_replace_it(
    template: Path,
) -> None:
    urgent = JobRules(id="a", overlap=REPLACE, priority=1)
    world = World(jobs=(urgent, JobRules(id="b")), limit=1)
    race(world, template, [Comes("a"), ByHand("b")], [Fired(ByHand("a")), Fired(Ends())])


def test_a_run_that_is_replaced_while_the_runner_is_shut_down_is_not_tried_again(template: Path) -> None:
    """The shutdown is recorded first, and stays the cause."""
    on = (RunStatus.ERROR, RunStatus.INTERRUPTED)
    rules = JobRules(id="b", overlap=REPLACE, retries=1, retry_on=on)
    world = World(jobs=(JobRules(id="a", overlap=REPLACE), rules))
    prelude: list[Event] = [Comes("b"), Wait(4)]
    before = [Fired(Comes("b")), Fired(ByHand("a"))]
    race_through_a_restart(world, template, (prelude, before, []), dies=False, committed=False)


def test_a_forced_request_that_is_decided_about_after_an_occurrence_waits_beside_it(template: Path) -> None:
    """Its row is older, for the row of the occurrence is entered with the decision."""
    world = World(jobs=(JobRules(id="a", overlap=REPLACE), JobRules(id="b", overlap=REPLACE)), limit=1)
    after = [Fired(Comes("a")), Fired(Comes("b")), Fired(ByRow("b", forced=True))]
    batches = ([Wait(4)], [Fired(ByHand("a"))], after)
    race_through_a_restart(world, template, batches, dies=False, committed=False)


# Short stories of what is easily got wrong


def test_a_request_replaces_what_runs_and_what_waits(template: Path) -> None:
    play(one_job(REPLACE), template, [Comes("a"), ByHand("a"), Comes("a"), Ends()])


def test_a_forced_request_that_is_seen_with_one_that_replaces_goes_on(template: Path) -> None:
    """It was decided about later: the other one does not replace it."""
    unheard = ByRow("a", heard=False)
    play(one_job(REPLACE), template, [Comes("a"), unheard, ByRow("a", forced=True), Ends(), Ends()])


def test_a_forced_request_that_is_told_to_wait_while_another_one_replaces_goes_on_waiting(
    template: Path,
) -> None:
    """That it waits is recorded after the replacement, which was decided about before it."""
    world = World(jobs=(JobRules(id="a", overlap=REPLACE), JobRules(id="b")), limit=1)
    seen_together: list[Event] = [ByRow("a", heard=False), ByRow("a", forced=True)]
    play(world, template, [ByHand("b"), ByHand("a"), *seen_together, Ends(), Ends()], one_by_one=True)


def test_a_request_replaces_what_somebody_has_cancelled_before(template: Path) -> None:
    """Both are told of the run: the cause came first, the reason later."""
    play(one_job(REPLACE), template, [ByHand("a"), Cancel(), ByHand("a"), ByHand("a"), Ends(), Ends()])


def test_each_occurrence_of_a_gap_replaces_the_one_before_it(template: Path) -> None:
    play(one_job(REPLACE, CatchUp.ALL), template, [Comes("a", 20), Ends()])


def test_two_occurrences_that_are_on_time_replace_one_another(template: Path) -> None:
    play(one_job(REPLACE), template, [Comes("a"), Comes("a", 8), Ends()])


def test_of_two_occurrences_that_replace_a_retry_the_first_does_not_start(template: Path) -> None:
    rules = JobRules(id="a", overlap=REPLACE, retries=1, retry_delay=timedelta(seconds=90))
    play(World(jobs=(rules,)), template, [Comes("a"), Ends(code=1), Comes("a", 8), Ends()])


@pytest.mark.parametrize("overlap", [SKIP, QUEUE])
def test_of_a_gap_that_is_caught_up_the_newest_waits_for_the_older_ones(
    template: Path, overlap: OverlapPolicy
) -> None:
    play(one_job(overlap, CatchUp.ALL), template, [Comes("a", 20), Ends(), Ends(), Ends(), Ends()])


def test_an_occurrence_that_comes_again_replaces_nothing(template: Path) -> None:
    play(one_job(REPLACE), template, [Comes("a"), Comes("a"), ComesAgain("a"), Ends()])


def test_a_request_by_row_that_replaces_says_why_it_waits(template: Path) -> None:
    play(one_job(REPLACE), template, [Comes("a"), ByRow("a"), Ends()])


def test_what_replaces_a_waiting_run_says_what_it_waits_for_itself(template: Path) -> None:
    world = World(jobs=(JobRules(id="a", overlap=REPLACE), JobRules(id="b")), limit=1)
    play(world, template, [ByHand("b"), ByHand("a"), ByHand("a")])


def test_all_that_wait_for_the_same_say_so_once_a_slot_is_free(template: Path) -> None:
    """They had said that they waited for a slot."""
    jobs = (JobRules(id="a", overlap=ALLOW, pool="pool"), JobRules(id="b"))
    world = World(jobs=jobs, limit=2, pools=(("pool", 1),))
    play(world, template, [Comes("b"), Comes("a"), Comes("a"), Ends()])


def test_a_request_by_row_meets_a_pause_that_came_before_the_runner_saw_it(template: Path) -> None:
    play(one_job(SKIP), template, [ByRow("a", heard=False), Pause("a"), Resume("a")])


@pytest.mark.parametrize("overlap", list(OverlapPolicy))
def test_requests_by_row_that_no_runner_has_seen_are_decided_about_at_the_start(
    template: Path, overlap: OverlapPolicy
) -> None:
    unseen = [ByRow("a", heard=False)] * 3
    play(one_job(overlap), template, [*unseen, Restart(dies=True), Ends(), Look()])


def test_a_request_by_row_meets_the_retry_of_a_run_that_the_last_runner_left(template: Path) -> None:
    """The retry is recorded at the start, before the older request is decided about."""
    rules = JobRules(id="a", retries=1, retry_on=(RunStatus.INTERRUPTED,))
    world = World(jobs=(rules,))
    play(world, template, [ByHand("a"), ByRow("a", heard=False), Restart(dies=True), Wait(), Ends()])


# Backfills


@pytest.mark.parametrize("overlap", list(OverlapPolicy))
def test_what_comes_due_beside_a_backfill_alone_waits_for_it(template: Path, overlap: OverlapPolicy) -> None:
    busy: list[Event] = [Comes("a", 20), Ends(), Ends(), Backfill("a", 12)]
    play(one_job(overlap), template, [*busy, Comes("a"), ByHand("a"), Ends(), Ends(), Ends(), Ends()])


def test_what_replaces_a_waiting_run_does_not_end_the_backfill(template: Path) -> None:
    busy: list[Event] = [Comes("a", 20), Ends(), Ends(), Backfill("a", 12), ByHand("a"), ByHand("a")]
    play(one_job(REPLACE), template, [*busy, Ends(), Ends()])


def test_a_backfill_waits_for_a_retry_of_its_job_and_the_next_time_for_its_own(template: Path) -> None:
    world = World(jobs=(JobRules(id="a", retries=1),))
    fails: list[Event] = [Comes("a", 20), Ends(code=1), Backfill("a", 12, 2), Wait(30)]
    play(world, template, [*fails, Ends(), Ends(code=1), Comes("a"), Wait(30), Ends(), Ends()])


def test_a_backfill_goes_on_after_a_kill_and_stops_with_its_job(template: Path) -> None:
    world = World(jobs=(JobRules(id="a", overlap=ALLOW),))
    begun: list[Event] = [Comes("a", 20), Backfill("a", 20, 2), Restart(dies=True)]
    play(world, template, [*begun, Ends(), Disable("a"), Ends(), Restore("a"), Delete("a"), Ends()])
