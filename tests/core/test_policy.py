"""What becomes of a request to run: one rule after the other."""

from dataclasses import replace
from itertools import product

import pytest

from jeeves_runner.core.model import OverlapPolicy, Reason, Trigger
from jeeves_runner.core.policy import Decision, Facts, Request, Verdict, admit

SCHEDULED = Request(trigger=Trigger.SCHEDULE)
MANUAL = Request(trigger=Trigger.MANUAL)
FORCED = Request(trigger=Trigger.MANUAL, forced=True)
WAITING = Request(trigger=Trigger.SCHEDULE, waiting=True)
RETRY = Request(trigger=Trigger.RETRY, waiting=True)

FREE = Facts()
BUSY = Facts(running=1)


def skip(reason: str) -> Decision:
    return Decision(Verdict.SKIP, Reason(reason))


def wait(reason: str, ref: str | None = None) -> Decision:
    return Decision(Verdict.WAIT, Reason(reason), ref)


def cancel(reason: str) -> Decision:
    return Decision(Verdict.CANCEL, Reason(reason))


def starts(request: Request, facts: Facts) -> bool:
    return admit(request, facts).verdict is Verdict.START


@pytest.mark.parametrize("trigger", list(Trigger))
@pytest.mark.parametrize("waiting", [False, True])
def test_with_nothing_in_the_way_everything_starts(trigger: Trigger, waiting: bool) -> None:
    assert starts(Request(trigger=trigger, waiting=waiting), FREE)


def test_a_deleted_job_runs_never_again() -> None:
    gone = replace(FREE, live=False)
    assert admit(FORCED, gone) == admit(RETRY, gone) == cancel("deleted")


def test_a_disabled_job_runs_only_by_hand() -> None:
    disabled = replace(FREE, enabled=False)
    assert starts(MANUAL, disabled)
    assert admit(SCHEDULED, disabled) == admit(RETRY, disabled) == cancel("disabled")


def test_a_pause_drops_occurrences_and_holds_what_waits_or_was_asked_for_without_force() -> None:
    paused = replace(FREE, paused=True)
    assert admit(SCHEDULED, paused) == skip("paused")
    assert admit(WAITING, paused) == wait("paused")
    assert admit(RETRY, paused) == wait("paused")
    assert admit(MANUAL, paused) == wait("paused")
    assert starts(FORCED, paused)


def test_a_retry_waits_for_its_time() -> None:
    assert admit(RETRY, replace(FREE, too_early=True)) == wait("retry")


@pytest.mark.parametrize("request_", [SCHEDULED, MANUAL, Request(trigger=Trigger.CATCH_UP)])
@pytest.mark.parametrize("active", [Facts(running=1), Facts(retrying=1), Facts(queued=1)])
def test_skip_drops_whatever_comes_while_the_job_is_active(request_: Request, active: Facts) -> None:
    assert admit(request_, active) == skip("overlap")


BACKFILL = Request(trigger=Trigger.BACKFILL)


@pytest.mark.parametrize("overlap", [each for each in OverlapPolicy if each is not OverlapPolicy.ALLOW])
@pytest.mark.parametrize("active", [Facts(running=1), Facts(retrying=1), Facts(queued=1)])
def test_a_backfill_waits_for_whatever_is_active_and_replaces_nothing(
    overlap: OverlapPolicy, active: Facts
) -> None:
    assert admit(BACKFILL, replace(active, overlap=overlap)) == wait("overlap")
    assert starts(BACKFILL, replace(active, overlap=OverlapPolicy.ALLOW))


@pytest.mark.parametrize("overlap", [each for each in OverlapPolicy if each is not OverlapPolicy.ALLOW])
@pytest.mark.parametrize("request_", [SCHEDULED, MANUAL, Request(trigger=Trigger.CATCH_UP)])
@pytest.mark.parametrize("active", [Facts(running=1, of_the_past=1), Facts(retrying=1, of_the_past=1)])
def test_what_meets_only_a_backfill_waits_for_it(
    overlap: OverlapPolicy, request_: Request, active: Facts
) -> None:
    assert admit(request_, replace(active, overlap=overlap)) == wait("overlap")


def test_what_meets_more_than_a_backfill_goes_by_the_policy() -> None:
    assert admit(SCHEDULED, Facts(running=1, of_the_past=1, queued=1)) == skip("overlap")
    assert admit(SCHEDULED, Facts(running=1, of_the_past=1, retrying=1)) == skip("overlap")


def test_queue_keeps_one() -> None:
    queue = replace(BUSY, overlap=OverlapPolicy.QUEUE)
    assert admit(SCHEDULED, queue) == wait("overlap")
    assert admit(SCHEDULED, replace(queue, queued=1)) == skip("queue_full")
    assert admit(SCHEDULED, replace(queue, running=0, retrying=1)) == wait("overlap")


def test_replace_takes_the_place_of_the_active_one() -> None:
    assert admit(SCHEDULED, replace(BUSY, overlap=OverlapPolicy.REPLACE)).verdict is Verdict.REPLACE
    assert starts(SCHEDULED, Facts(overlap=OverlapPolicy.REPLACE))


def test_allow_and_force_do_not_ask_about_others() -> None:
    assert starts(SCHEDULED, replace(BUSY, overlap=OverlapPolicy.ALLOW))
    assert starts(FORCED, BUSY)


@pytest.mark.parametrize("policy", [OverlapPolicy.SKIP, OverlapPolicy.QUEUE])
def test_one_of_several_to_catch_up_waits_for_its_turn(policy: OverlapPolicy) -> None:
    one = Request(trigger=Trigger.CATCH_UP, every=True)
    assert admit(one, Facts(overlap=policy, running=1, queued=5)) == wait("overlap")


@pytest.mark.parametrize("policy", [p for p in OverlapPolicy if p is not OverlapPolicy.ALLOW])
def test_what_waits_is_never_dropped_for_overlap(policy: OverlapPolicy) -> None:
    assert admit(WAITING, replace(BUSY, overlap=policy)) == wait("overlap")
    assert admit(WAITING, Facts(overlap=policy, retrying=1)) == wait("overlap")


def test_those_that_wait_do_not_wait_for_each_other() -> None:
    assert starts(WAITING, Facts(queued=3))
    assert starts(RETRY, Facts(retrying=3, queued=3))


def test_what_is_about_to_be_replaced_does_not_start() -> None:
    coming = Facts(overlap=OverlapPolicy.REPLACE, queued=1, arriving=1)
    back = Decision(Verdict.STAND_BACK, Reason.OVERLAP)
    assert admit(WAITING, coming) == admit(RETRY, coming) == back
    assert starts(WAITING, replace(coming, overlap=OverlapPolicy.QUEUE))


def test_a_skip_names_the_run_that_was_active() -> None:
    assert admit(SCHEDULED, replace(BUSY, active_run=7)) == Decision(Verdict.SKIP, Reason.OVERLAP, "7")


def test_capacity_binds_everybody() -> None:
    for request in (SCHEDULED, MANUAL, FORCED, WAITING, RETRY):
        assert admit(request, replace(FREE, slot_free=False)) == wait("limit")
        assert admit(request, replace(FREE, full_pool="web")) == wait("pool", "web")
        assert admit(request, replace(FREE, disk_full=True)) == wait("disk_full")


def test_nothing_that_waits_is_ever_skipped() -> None:
    flags = [False, True]
    for trigger, live, enabled, paused, free, policy, running in product(
        Trigger, flags, flags, flags, flags, OverlapPolicy, (0, 1)
    ):
        facts = Facts(
            live=live, enabled=enabled, paused=paused, slot_free=free, overlap=policy, running=running
        )
        verdict = admit(Request(trigger=trigger, waiting=True), facts).verdict
        assert verdict in (Verdict.START, Verdict.WAIT, Verdict.CANCEL)


@pytest.mark.parametrize("trigger", list(Trigger))
@pytest.mark.parametrize("waiting", [False, True])
@pytest.mark.parametrize("overlap", list(OverlapPolicy))
def test_with_the_tokens_of_the_day_spent_nothing_runs_but_by_force(
    trigger: Trigger, waiting: bool, overlap: OverlapPolicy
) -> None:
    spent = replace(BUSY, overlap=overlap, tokens_spent="2 of 1 tokens used", slot_free=False)
    request = Request(trigger=trigger, waiting=waiting)
    assert admit(request, spent) == Decision(Verdict.SKIP, Reason.TOKEN_BUDGET, message="2 of 1 tokens used")
    assert starts(replace(request, forced=True), replace(spent, slot_free=True))


def test_what_a_pause_or_the_time_of_a_retry_keeps_is_not_asked_for_its_tokens() -> None:
    spent = replace(FREE, tokens_spent="2 of 1 tokens used")
    assert admit(RETRY, replace(spent, too_early=True)) == wait("retry")
    assert admit(MANUAL, replace(spent, paused=True)) == wait("paused")


def test_what_follows_over_too_many_runs_is_skipped_also_by_force_but_no_retry() -> None:
    deep = Request(trigger=Trigger.AFTER, depth=21)
    refused = Decision(Verdict.SKIP, Reason.DEPTH, message="depth 21, and graph.depth is 20")
    assert admit(deep, FREE) == admit(deep, BUSY) == admit(deep, replace(FREE, paused=True)) == refused
    assert admit(replace(deep, trigger=Trigger.MANUAL, forced=True), FREE) == refused
    assert starts(replace(deep, depth=20), FREE)
    assert starts(replace(deep, trigger=Trigger.RETRY), FREE)
    assert starts(deep, replace(FREE, depth_limit=21))
