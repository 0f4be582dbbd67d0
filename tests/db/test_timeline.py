"""Runs over time, as SQL tells of them: one by one, or counted in cells."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.ledger import Ledger

from jeeves_runner.clock import to_text
from jeeves_runner.db import timeline as rooms
from jeeves_runner.db.timeline import Chosen, Level, Timeline, Window, timeline

MINUTE = 60_000
ALL = Chosen(None, None, 0, 10)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runner.sqlite")
    for job in ("a", "b", "c"):
        made.add_job(job)
    return made


def ms(when: datetime) -> int:
    return round(when.timestamp() * 1000)


def window(ledger: Ledger, *, ago: timedelta = timedelta()) -> Window:
    """The hour until now, or until then, in cells of a minute."""
    end = ms(ledger.now - ago)
    return Window(end - 60 * MINUTE, end, MINUTE)


def ran(
    ledger: Ledger, job: str, begin: float, start: float | None, end: float | None, **columns: Any
) -> int:
    """A run of so many minutes ago; without an end it runs, and without a start it waits."""
    at = {"created_at": begin, "started_at": start, "finished_at": end}
    times = {name: to_text(ledger.at(minutes=ago)) for name, ago in at.items() if ago is not None}
    usual = "ok" if end is not None else "scheduled" if start is None else "running"
    return ledger.add_run(job, columns.pop("status", usual), **times, **columns)


def looked(ledger: Ledger, chosen: Chosen = ALL, **which: timedelta) -> Timeline:
    return timeline(ledger.conn, window(ledger, **which), chosen, ledger.now)


def test_a_long_run_stands_by_itself_and_short_ones_are_counted(ledger: Ledger) -> None:
    long = ran(ledger, "a", 30, 28, 10)
    short = [ran(ledger, "a", 5 - n / 10, 5 - n / 10, 4.99 - n / 10) for n in range(3)]
    failed = ran(ledger, "a", 4.9, 4.9, 4.89, status="error")
    pieces = looked(ledger).pieces
    assert [(each.run_id, each.runs, each.status) for each in pieces] == [
        (long, 1, "ok"),
        (failed, 4, "error"),
    ]
    assert (pieces[0].begin, pieces[0].started, pieces[0].end) == tuple(
        ms(ledger.at(minutes=ago)) for ago in (30, 28, 10)
    )
    assert pieces[1].started is None
    assert len(short) == 3


def test_what_began_before_or_ends_later_is_seen(ledger: Ledger) -> None:
    before = ran(ledger, "a", 90, 90, 50)
    later = ran(ledger, "b", 20, 20, 0)
    runs = ran(ledger, "c", 100, 100, None)
    waits = ran(ledger, "c", 15, None, None)
    ran(ledger, "a", 200, 200, 199)
    assert {each.run_id for each in looked(ledger).pieces} == {before, later, runs, waits}
    assert {each.run_id for each in looked(ledger, ago=timedelta(minutes=10)).pieces} == {
        before,
        later,
        runs,
        waits,
    }
    assert {each.run_id for each in looked(ledger, ago=timedelta(minutes=18)).pieces} == {before, later, runs}


def test_what_did_not_run_stands_where_it_was_due(ledger: Ledger) -> None:
    """The row of a gap is written once the server is back."""
    due, last = to_text(ledger.at(minutes=40)), to_text(ledger.at(minutes=20))
    gap = ledger.add_run(
        "a", "missed", trigger="schedule", scheduled_for=due, last_for=last, occurrences=21, reason="late"
    )
    by_hand = ledger.add_run("b", "skipped", scheduled_for="garbage", reason="overlap")
    first, second = looked(ledger).pieces
    assert (first.run_id, first.is_tick, first.reason) == (gap, True, "late")
    assert (first.begin, first.end) == (ms(ledger.at(minutes=40)), ms(ledger.at(minutes=20)))
    assert (second.run_id, second.begin) == (by_hand, ms(ledger.at(minutes=1)))


def test_the_worst_jobs_come_first_then_the_busiest(ledger: Ledger) -> None:
    ran(ledger, "a", 5, 5, 4)
    ran(ledger, "b", 30, 30, 4)
    ran(ledger, "c", 3, 3, 2, status="timeout")
    found = looked(ledger)
    assert [(each.job_id, each.bad) for each in found.jobs] == [("c", 1), ("b", 0), ("a", 0)]
    assert (found.every, found.runs) == (3, 3)
    rest = looked(ledger, Chosen(None, None, 1, 1))
    assert [each.job_id for each in rest.jobs] == ["b"]
    assert {each.job_id for each in rest.pieces} == {"b"}
    assert rest.every == 3


def test_jobs_are_chosen_by_their_id_or_tag(ledger: Ledger) -> None:
    ledger.add_job("Nightly-Sync", tags=("night",))
    for job in ("a", "Nightly-Sync"):
        ran(ledger, job, 5, 5, 4)
    for chosen in (Chosen("ly-s", None, 0, 10), Chosen(None, "night", 0, 10)):
        found = looked(ledger, chosen)
        assert [each.job_id for each in found.jobs] == ["Nightly-Sync"]
        assert found.every == 1
    assert looked(ledger, Chosen("%", None, 0, 10)).jobs == []


def test_how_many_ran_at_once(ledger: Ledger) -> None:
    ledger.add_job("talk", type="session")
    ran(ledger, "a", 90, 90, 30.5)
    ran(ledger, "b", 40.5, 40.5, 30.5)
    ran(ledger, "c", 30.5, 30.5, None)  # it has the slot of one that ends at that moment
    ran(ledger, "c", 10, None, None)
    ran(ledger, "talk", 20, 20, None)
    assert looked(ledger).levels == [Level(0, 1, 1), Level(19, 2, 2), Level(29, 2, 1)]


def test_only_so_many_runs_are_looked_at(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ran(ledger, "a", 5, 5, 4)
    ran(ledger, "a", 3, 3, 2)
    assert not looked(ledger).is_cut
    monkeypatch.setattr(rooms, "MOST_RUNS", 1)
    assert looked(ledger).is_cut


def test_it_is_found_by_index(ledger: Ledger) -> None:
    bindings = rooms._bindings(window(ledger), ALL, ledger.now)
    plan = [row[3] for row in ledger.conn.execute(f"EXPLAIN QUERY PLAN {rooms._QUERY}", bindings)]
    assert [step for step in plan if step.startswith("SCAN runs") and "runs_active" not in step] == []
