"""What follows from ends: which of them count, when a run follows, and what it says of them."""

from datetime import UTC, datetime

import pytest

from jeeves_runner.core.after import Arrived, Following, following, is_free, met_by
from jeeves_runner.core.causes import MOST_NAMED, Causes
from jeeves_runner.core.model import OverlapPolicy, RunStatus

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE = datetime(2026, 3, 1, 13, tzinfo=UTC)


@pytest.mark.parametrize("status", sorted(status for status in RunStatus if status.is_final))
def test_which_ends_can_be_followed(status: RunStatus) -> None:
    both, one = ("ok", "finished"), ("finished",)
    expected = {"ok": both, "skipped": (), "missed": ()}.get(status, one)
    assert met_by(status, has_run=True) == expected
    assert met_by(status, has_run=False) == ()
    assert met_by(status, has_run=True, is_of_the_past=True) == ()


@pytest.mark.parametrize("policy", sorted(OverlapPolicy))
def test_what_a_run_of_the_job_and_a_pause_hold_back(policy: OverlapPolicy) -> None:
    assert is_free(policy, is_active=False, is_paused=False)
    assert is_free(policy, is_active=True, is_paused=False) == (policy in ("allow", "replace"))
    assert not is_free(policy, is_active=False, is_paused=True)


def test_a_run_follows_once_each_has_ended_and_names_all_of_them() -> None:
    first = Arrived().with_end(7, NOON, 0).with_end(9, NOON, 3)
    assert following([]) is None
    assert following([first, Arrived()]) is None
    second = Arrived().with_end(8, NOON, 1)
    assert following([first, second]) == Following(Causes(runs=(7, 8, 9)), 4, NOON)


def test_times_that_differ_are_not_told() -> None:
    first, second = Arrived().with_end(1, NOON, 0), Arrived().with_end(2, ONE, 0)
    assert following([first, second]) == Following(Causes(runs=(1, 2)), 1, None)
    assert following([first, Arrived().with_end(2, None, 0)]) == Following(Causes(runs=(1, 2)), 1, None)


def test_of_very_many_the_newest_are_named() -> None:
    many = Arrived()
    for run_id in range(1, MOST_NAMED + 6):
        many = many.with_end(run_id, None, 0)
    found = following([many])
    assert found is not None
    assert found.caused_by == Causes(runs=tuple(range(6, MOST_NAMED + 6)), total=MOST_NAMED + 5)
