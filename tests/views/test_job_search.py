"""Jobs are found by words, tag, owner and how they are: given rows, then which of them, in which order."""

from datetime import timedelta

import pytest
from support.ledger import Ledger

from jeeves_runner.clock import to_text
from jeeves_runner.core.durations import End
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import overrides
from jeeves_runner.views.job_search import Order, Wanted, find, marks_of
from jeeves_runner.views.jobs import jobs_view

BY = Actor("test")
HOURLY = ("0 * * * *",)


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    ledger.add_job("backup", name="Nightly", tags=("db", "care"), owner="ops", schedule=("0 3 * * *",))
    ledger.add_job("export", description="To the CRM of Straße 3", owner="ben", schedule=HOURLY)
    ledger.add_job("fetch", tags=("care",), owner="ben", enabled=False)
    ledger.add_job("report")
    ledger.add_run("backup", "ok", started_at=to_text(ledger.at(hours=9)), duration_ms=90_000)
    ledger.add_run("export", "error")
    ledger.add_run("fetch", "error")
    return ledger


def found(ledger: Ledger, text: str = "", **wanted: str) -> str:
    """The ids of the jobs that fit, in their order."""
    said = {"tag": "", "owner": "", "kind": None, "order": "id", **wanted}
    jobs = jobs_view(ledger.conn, ledger.now)["jobs"]
    places = find(list(map(marks_of, jobs)), Wanted.of(text, **said)).places  # type: ignore[arg-type]
    return " ".join(jobs[place]["id"] for place in places)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", "backup export fetch report"),
        ("BACK", "backup"),
        ("nightly ops", "backup"),
        ("STRASSE crm", "export"),
        ("care", "backup fetch"),
        ("care nightly", "backup"),
        ("care report", ""),
        ("ben", "export fetch"),
    ],
)
def test_each_word_stands_somewhere_in_a_job(filled: Ledger, text: str, ids: str) -> None:
    assert found(filled, text) == ids


def test_a_tag_and_an_owner_are_taken_whole(filled: Ledger) -> None:
    assert found(filled, tag="care") == "backup fetch"
    assert found(filled, tag="car") == ""
    assert found(filled, owner="ben") == "export fetch"
    assert found(filled, owner="ben", tag="care") == "fetch"


@pytest.mark.parametrize(
    ("group", "ids"),
    [
        ("failing", "export"),
        ("disabled", "fetch"),
        ("never", "report"),
        ("running", ""),
        ("waiting", ""),
        ("held", ""),
        ("paused", ""),
        ("muted", ""),
        ("error", "export"),
        ("ok", "backup"),
        ("idle", "report"),
    ],
)
def test_a_job_that_is_off_does_not_fail(filled: Ledger, group: str, ids: str) -> None:
    assert found(filled, kind=group) == ids


def test_a_job_may_be_several_things_at_once(filled: Ledger) -> None:
    filled.add_run("export", "running")
    filled.add_run("backup", "scheduled")
    filled.hold("export", "broken")
    with filled.tx() as tx:
        overrides.pause(tx, "export", until=None, reason="why", by=BY)
        overrides.mute(tx, "export", until=End(filled.now + timedelta(hours=1)), reason=None, by=BY)
    for group in ("failing", "running", "paused", "muted", "held"):
        assert found(filled, kind=group) == "export", group
    assert found(filled, kind="waiting") == "backup"


def test_counts_are_of_what_fits_otherwise(filled: Ledger) -> None:
    jobs = list(map(marks_of, jobs_view(filled.conn, filled.now)["jobs"]))
    counted = find(jobs, Wanted(owner="ben", kind="failing"))
    assert (len(counted.places), counted.of_all) == (1, 2)
    assert {kind: count for kind, count in counted.by_kind.items() if count} == {
        "failing": 1,
        "error": 1,
        "disabled": 1,
    }


@pytest.mark.parametrize(
    ("order", "ids"),
    [
        ("last", "export fetch backup report"),
        ("took", "backup export fetch report"),
        ("next", "export backup fetch report"),
    ],
)
def test_jobs_without_what_is_sorted_by_come_last(filled: Ledger, order: Order, ids: str) -> None:
    assert found(filled, order=order) == ids
