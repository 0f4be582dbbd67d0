"""Pauses as rows: which are in force, which held at some time, and which are still needed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest
from support.clock import NOON
from support.ledger import Ledger

from jeeves_runner.clock import to_text
from jeeves_runner.core.durations import End
from jeeves_runner.core.model import OverrideKind
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.run import PausedTime
from jeeves_runner.db import overrides
from jeeves_runner.db.job_list import listed_jobs
from jeeves_runner.db.overrides import UNTIL_RESUMED, Pauses


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
        overrides.pause(
            tx, job_id, until=None if until is None else End(until), reason=None, by=Actor("test")
        )


def resume(ledger: Ledger, job_id: str | None) -> None:
    with ledger.tx() as tx:
        overrides.resume(tx, job_id, by=Actor("test"))


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


@pytest.mark.parametrize("kind", ["skip", "mute"])
def test_what_else_has_ended_makes_no_look_at_the_pauses_longer(two: Ledger, kind: str) -> None:
    """It is looked at with each decision."""
    two.conn.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
        " INSERT INTO overrides (job_id, kind, created_by, created_at, ended_at)"
        " SELECT 'a', ?1, 'me', ?2, ?2 FROM n",
        (kind, to_text(NOON)),
    )
    steps: list[int] = []
    two.conn.trace_v2(
        apsw.SQLITE_TRACE_PROFILE,
        lambda event: steps.append(event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]),
    )
    overrides.pauses(two.conn, two.now)
    two.conn.trace_v2(0)
    assert 0 < max(steps) < 500


# What is kept


def decide(ledger: Ledger, job_id: str, until: datetime) -> None:
    ledger.conn.execute("UPDATE jobs SET decided_until = ? WHERE id = ?", (to_text(until), job_id))


def kept(ledger: Ledger, before: datetime) -> list[str | None]:
    """The jobs of the pauses that are left when those from before then have been deleted; None: all jobs."""
    with ledger.tx() as tx:
        overrides.prune(tx, before, 100)
    return [job_id for (job_id,) in ledger.conn.execute("SELECT job_id FROM overrides ORDER BY id")]


def test_a_pause_in_force_stays_and_an_ended_one_goes_after_its_time(two: Ledger) -> None:
    pause(two, "a", after(hours=1))
    pause(two, "b")
    pause(two, None, after(hours=1))
    two.clock.advance(hours=2)
    for job_id in ("a", "b"):
        decide(two, job_id, two.now)
    assert kept(two, after(hours=1)) == ["a", "b", None]
    assert kept(two, after(minutes=61)) == ["b"]
    resume(two, "b")
    assert kept(two, after(hours=2)) == ["b"]
    assert kept(two, after(hours=3)) == []


def test_a_pause_whose_end_was_changed_by_hand_stays_in_force(two: Ledger) -> None:
    pause(two, "a", after(hours=1))
    two.conn.execute("UPDATE overrides SET until = '2026-03-01'")
    two.clock.advance(days=400)
    decide(two, "a", two.now)
    assert kept(two, two.now) == ["a"]
    assert overrides.pauses(two.conn, two.now).end_of("a") == UNTIL_RESUMED


def test_a_pause_stays_until_its_job_has_been_decided_about_up_to_its_end(two: Ledger) -> None:
    pause(two, "a", after(hours=1))
    two.clock.advance(days=400)
    decide(two, "b", two.now)
    assert kept(two, two.now) == ["a"]
    decide(two, "a", after(minutes=59))
    assert kept(two, two.now) == ["a"]
    decide(two, "a", after(hours=1))
    assert kept(two, two.now) == []


def test_a_pause_of_all_jobs_stays_until_all_have_been_decided_about_up_to_its_end(two: Ledger) -> None:
    two.add_job("by_hand")
    two.add_job("gone", schedule=("@daily",))
    two.delete_job("gone")
    two.add_job("off", schedule=("@daily",), enabled=False)
    pause(two, None, after(hours=1))
    two.clock.advance(days=400)
    decide(two, "a", two.now)
    assert kept(two, two.now) == [None]
    decide(two, "b", two.now)
    assert kept(two, two.now) == []


@pytest.mark.parametrize("job_id", ["by_hand", "gone", "off"])
def test_a_pause_of_a_job_that_has_no_occurrences_to_decide_about_goes_after_its_time(
    two: Ledger, job_id: str
) -> None:
    two.add_job("by_hand")
    two.add_job("gone", schedule=("@daily",))
    two.add_job("off", schedule=("@daily",), enabled=False)
    pause(two, job_id, after(hours=1))
    two.delete_job("gone")
    two.clock.advance(hours=2)
    assert kept(two, two.now) == []


def test_not_all_pauses_that_ever_were_are_read_to_find_those_of_a_gap(two: Ledger) -> None:
    bounds: dict[str, Any] = {"job": "a", "first": "", "last": "", "at": ""}
    for query in (overrides._PAUSES, overrides._PAUSED_TIMES):
        plan = [step for _, _, _, step in two.conn.execute(f"EXPLAIN QUERY PLAN {query}", bounds)]
        looks = [step for step in plan if "overrides" in step]
        assert len(looks) == 2
        by = ("overrides_ended", "overrides_over")
        assert all(
            look.startswith(tuple(f"SEARCH overrides USING INDEX {index}" for index in by)) for look in looks
        )


def test_a_pause_by_length_that_a_clock_ahead_has_dated_ends_no_later_than_one_that_begins_now(
    two: Ledger,
) -> None:
    """Whether or not a server has put the database right: commands also read it without one."""
    named = after(days=2000)
    two.clock.advance(days=900)
    with two.tx() as tx:
        end = End(two.now + timedelta(hours=2), length_ms=7_200_000)
        overrides.pause(tx, "a", until=end, reason=None, by=Actor("test"))
        overrides.pause(tx, "b", until=End(named), reason=None, by=Actor("test"))
        overrides.pause(tx, None, until=end, reason="all", by=Actor("test"))
    assert overrides.pauses(two.conn, two.now).of_jobs == {"a": end.instant, "b": named}
    two.clock.advance(days=-900)
    assert overrides.pauses(two.conn, two.now) == Pauses({"a": after(hours=2), "b": named}, after(hours=2))
    of_all = overrides.in_force(two.conn, OverrideKind.PAUSE, two.now).of_all
    assert of_all == (to_text(after(hours=2)), "all", True)
    shown = {job.columns["id"]: job.pause and job.pause.until for job in listed_jobs(two.conn, two.now)}
    assert shown == {"a": to_text(after(hours=2)), "b": to_text(named)}
