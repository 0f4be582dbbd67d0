"""Pauses as rows: which are in force, which held at some time, and which are still needed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.clock import NOON
from support.ledger import Ledger

from jeeves_runner.core.gap import PausedTime
from jeeves_runner.db import overrides
from jeeves_runner.db.overrides import UNTIL_RESUMED


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "runner.sqlite")
    for job_id in ("a", "b"):
        ledger.add_job(job_id, schedule=("0 12 * * *",))
    yield ledger
    ledger.conn.close()


def after(**length: float) -> datetime:
    return NOON + timedelta(**length)


def pause(ledger: Ledger, job_id: str | None, until: datetime | None = None) -> None:
    with ledger.tx() as tx:
        overrides.pause(tx, job_id, until=until, reason=None, by="test")


def resume(ledger: Ledger, job_id: str | None) -> None:
    with ledger.tx() as tx:
        overrides.resume(tx, job_id, by="test")


def paused(ledger: Ledger, first: datetime, last: datetime) -> list[PausedTime]:
    return sorted(overrides.paused_times(ledger.conn, "a", first, last))


def test_the_times_of_pauses_are_told_after_their_ends(two: Ledger) -> None:
    pause(two, "a", after(hours=1))
    two.clock.advance(hours=2)
    pause(two, "a", after(hours=9))
    pause(two, None)
    two.clock.advance(hours=1)
    resume(two, "a")
    pause(two, "b")
    assert paused(two, NOON, two.now) == [
        PausedTime(NOON, after(hours=1)),
        PausedTime(after(hours=2), after(hours=3)),
        PausedTime(after(hours=2), UNTIL_RESUMED),
    ]


@pytest.mark.parametrize("is_resumed", [False, True], ids=["expired", "resumed"])
def test_only_pauses_that_reach_into_a_gap_are_read(two: Ledger, is_resumed: bool) -> None:
    two.clock.advance(hours=1)
    pause(two, "a", None if is_resumed else after(hours=2))
    two.clock.advance(hours=1)
    if is_resumed:
        resume(two, "a")
    two.clock.advance(hours=1)
    its = [PausedTime(after(hours=1), after(hours=2))]
    assert paused(two, NOON, after(minutes=59)) == []
    assert paused(two, NOON, after(hours=1)) == its
    assert paused(two, after(minutes=119), after(hours=3)) == its
    assert paused(two, after(hours=2), after(hours=3)) == []


def test_a_job_that_no_pause_may_have_reached_is_not_read_about(two: Ledger) -> None:
    def may_reach(since: datetime) -> dict[str, bool]:
        found = overrides.pauses(two.conn, two.now)
        return {job_id: found.may_reach(job_id, since) for job_id in ("a", "b")}

    assert may_reach(NOON) == {"a": False, "b": False}
    pause(two, "a", after(hours=1))
    assert may_reach(NOON) == {"a": True, "b": False}
    two.clock.advance(hours=2)
    assert may_reach(after(minutes=59)) == {"a": True, "b": True}
    assert may_reach(after(hours=1)) == {"a": False, "b": False}
    pause(two, "a", after(hours=9))
    resume(two, "a")
    assert may_reach(after(minutes=119))["a"]
    assert not may_reach(after(hours=2))["a"]


@pytest.mark.parametrize("column", ["created_at", "ended_at"])
def test_an_ended_pause_whose_times_were_changed_by_hand_does_not_count(two: Ledger, column: str) -> None:
    pause(two, "a")
    two.clock.advance(hours=1)
    resume(two, "a")
    two.conn.execute(f"UPDATE overrides SET {column} = '2026-03-0x'")
    assert paused(two, NOON, after(hours=2)) == []
    assert overrides.pauses(two.conn, two.now).end_of("a") is None


def test_not_all_pauses_that_ever_were_are_read_to_find_those_of_a_gap(two: Ledger) -> None:
    bounds: dict[str, Any] = {"job": "a", "first": "", "last": ""}
    for query in (overrides._PAUSES, overrides._PAUSED_TIMES):
        plan = [step for _, _, _, step in two.conn.execute(f"EXPLAIN QUERY PLAN {query}", bounds)]
        looks = [step for step in plan if "overrides" in step]
        assert len(looks) == 2
        assert all(look.startswith("SEARCH overrides USING INDEX overrides_ended") for look in looks)
