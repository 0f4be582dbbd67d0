"""`why`: a job that is late, and catches up at a moment of its own."""

from datetime import timedelta
from typing import Any

import pytest
from support.ledger import Ledger
from support.why import said, since, why

SPACED = "`catch_up_spread` spaces the jobs that are late after a silence."


@pytest.fixture
def late(ledger: Ledger) -> Ledger:
    """At noon, a job of the night that no server has looked at."""
    ledger.add_job("backup", schedule=("0 3 * * *",))
    since(ledger, "backup", ledger.at(days=7), decided=ledger.at(hours=20))
    return ledger


@pytest.mark.parametrize("at", [None, "03:00"])
def test_it_says_when_it_catches_up_and_why_not_before(late: Ledger, at: str | None) -> None:
    found = why(late, "backup", at, catches_up_at=late.now + timedelta(minutes=8))
    assert found["answer"] == "to_catch_up"
    assert found["run"] is None
    due = "It was due at 2026-03-01 03:00Z."
    assert found["text"].startswith(
        f"{due} It is late, and catches up at about 2026-03-01 12:08Z, in 8m: {SPACED}"
    )


def test_one_that_is_due_again_before_its_moment_catches_up_then(ledger: Ledger) -> None:
    ledger.add_job("sync", schedule=("5 * * * *",), catch_up="all")
    since(ledger, "sync", ledger.at(days=7), decided=ledger.at(hours=3))
    found = said(ledger, "sync", catches_up_at=ledger.now + timedelta(minutes=8))
    assert "at about 2026-03-01 12:05Z, in 5m:" in found["wait"]


@pytest.mark.parametrize(
    ("fields", "fate"),
    [
        ({"catch_up": "none"}, "will record it as missed, because the job has `catch_up: none`."),
        ({"catch_up_window_ms": 32_340_000}, "record it as missed, because `catch_up_window` is 8h 59m."),
        (
            {"schedule": ("0 3 * * *", "5 12 * * *")},
            "because a later one takes its place (`catch_up: latest`).",
        ),
    ],
)
def test_one_that_will_not_run_at_its_moment_says_so(
    ledger: Ledger, fields: dict[str, Any], fate: str
) -> None:
    ledger.add_job("backup", **{"schedule": ("0 3 * * *",), **fields})
    since(ledger, "backup", ledger.at(days=7), decided=ledger.at(hours=20))
    found = why(ledger, "backup", catches_up_at=ledger.now + timedelta(minutes=8))
    assert found["answer"] == "undecided"
    assert "(`catch_up_spread`) the server will" in found["text"]
    assert fate in found["text"]


def test_one_that_was_not_too_late_when_it_was_found_runs_at_its_moment(ledger: Ledger) -> None:
    ledger.add_job("backup", schedule=("0 3 * * *",), catch_up_window_ms=32_580_000)  # 9h 3m
    since(ledger, "backup", ledger.at(days=7), decided=ledger.at(hours=20))
    found = why(ledger, "backup", catches_up_at=ledger.now + timedelta(minutes=8))
    assert found["answer"] == "to_catch_up"


def test_without_a_server_it_says_how_long_after_its_start_that_may_be(late: Ledger) -> None:
    found = said(late, "backup", served=False, spread=timedelta(minutes=10))
    assert found["server"].endswith(
        "none later is due. By `catch_up_spread` that may be 10m after it has started."
    )
    assert "catch_up_spread" not in said(late, "backup", served=False)["server"]
