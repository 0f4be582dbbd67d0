"""`why`: what comes next of a job, and what is left out before it."""

from datetime import timedelta

import pytest
from support.ledger import Ledger
from support.why import said, since

from jeeves_runner.core.origin import Actor
from jeeves_runner.core.schedule_entry import At
from jeeves_runner.db import skipping

FIRST = "It is due next at 2026-03-02 03:00Z, in 15h"


@pytest.fixture
def nightly(ledger: Ledger) -> Ledger:
    ledger.add_job("backup", schedule=("0 3 * * *",))
    since(ledger, "backup", ledger.at(days=7))
    return ledger


def skip(ledger: Ledger, count: int = 1, job: str = "backup") -> None:
    """Skip the next ones."""
    for _ in range(count):
        with ledger.tx() as tx:
            skipping.skip(tx, job, None, reason=None, by=Actor("cli"))


def following(day: int, distance: str) -> str:
    return f"; the first one after it that is not skipped is at 2026-03-{day:02} 03:00Z, in {distance}"


@pytest.mark.parametrize(("count", "day", "distance"), [(1, 3, "1d 15h"), (2, 4, "2d 15h")])
def test_one_that_a_person_skips_is_named_with_the_one_that_runs(
    nightly: Ledger, count: int, day: int, distance: str
) -> None:
    skip(nightly, count)
    text = f"{FIRST}, and will be skipped because a person wants this occurrence skipped"
    text += following(day, distance)
    assert said(nightly, "backup")["next"] == f"{text}."
    assert said(nightly, "backup", served=False)["next"] == f"{text}, and no server runs."


def test_one_that_falls_into_a_pause_is_named_with_the_one_after_its_end(nightly: Ledger) -> None:
    nightly.pause("backup", nightly.now + timedelta(days=1, hours=15))
    assert said(nightly, "backup")["next"] == (
        f"{FIRST}, and will be skipped because the job is paused then{following(3, '1d 15h')}."
    )


def test_one_after_a_pause_that_is_skipped_is_not_named(nightly: Ledger) -> None:
    skip(nightly, 2)
    nightly.pause(None, nightly.now + timedelta(days=1))
    assert said(nightly, "backup")["next"].endswith(f"wants this occurrence skipped{following(4, '2d 15h')}.")


def test_a_pause_that_ends_before_leaves_nothing_out(nightly: Ledger) -> None:
    nightly.pause("backup", nightly.now + timedelta(hours=15))
    assert said(nightly, "backup")["next"] == f"{FIRST}."


def test_the_only_one_is_named_though_it_is_skipped(ledger: Ledger) -> None:
    ledger.add_job("once", schedule=(At("2026-03-02T03:00"),))
    skip(ledger, job="once")
    assert said(ledger, "once")["next"] == (
        f"{FIRST}, and will be skipped because a person wants this occurrence skipped; none comes after it"
        " that is not skipped."
    )


def test_one_that_is_excluded_is_named_with_what_leaves_it_out(ledger: Ledger) -> None:
    ledger.add_job("backup", schedule=("0 3 * * *",), exclude=("2026-03-10", "2026-03-02..2026-03-04"))
    parts = (
        "Without `exclude` it would be due before that, at 2026-03-02 03:00Z, in 15h: 2026-03-02..2026-03-04"
    )
    assert said(ledger, "backup")["next"] == f"{parts} leaves it out."


def test_what_is_excluded_later_than_the_next_one_is_not_named(ledger: Ledger) -> None:
    ledger.add_job("backup", schedule=("0 3 * * *",), exclude=("2026-03-03",))
    assert said(ledger, "backup")["next"] == f"{FIRST}."


def test_a_schedule_that_has_run_out_says_so_and_what_was_excluded(ledger: Ledger) -> None:
    ledger.add_job("gone", schedule=(At("2026-02-02T03:00"),))
    ledger.add_job(
        "never", schedule=(At("2026-03-02T03:00"), At("2026-02-02T03:00")), exclude=("2026-03-02",)
    )
    assert said(ledger, "gone")["next"] == "Its schedule has no occurrence any more."
    assert said(ledger, "never")["next"] == (
        "Without `exclude` it would be due at 2026-03-02 03:00Z, in 15h: 2026-03-02 leaves it out."
    )


def test_a_job_that_comes_after_others_says_what_has_not_come(ledger: Ledger) -> None:
    for name in ("fetch", "parse", "report"):
        ledger.add_job(name)
    ledger.conn.execute(
        "INSERT INTO arrivals (job_id, upstream, qualifies, count) VALUES ('report', 'fetch', 'ok', 2),"
        " ('report', 'parse', 'ok', 0)"
    )
    run = ledger.add_run("parse", "skipped", reason="exit_code")
    assert said(ledger, "report")["next"] == (
        "It comes after fetch and parse, and starts once parse has ended ok anew."
        f" Run {run} of parse was skipped, which does not count."
    )
    ledger.conn.execute("UPDATE arrivals SET count = 1")
    assert said(ledger, "report")["next"].endswith("follows as soon as it may: what it waits for has ended.")
