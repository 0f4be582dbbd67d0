"""What is told of jobs, and when they run next: given rows, then documents."""

from datetime import UTC, datetime, timedelta

import pytest
from support.clock import NOON
from support.ledger import Ledger

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import JobType, SourceType
from jeeves_runner.core.session_spec import Session
from jeeves_runner.db.job_list import JobColumns
from jeeves_runner.errors import NotFound
from jeeves_runner.views.job_lookup import check_known
from jeeves_runner.views.jobs import ListedJobDocument, job_view, jobs_view
from jeeves_runner.views.occurrences import OccurrencesDocument, first_view, next_runs, next_view
from jeeves_runner.views.runs import runs_view

HOURLY = ("0 * * * *",)


def listed(ledger: Ledger, job_id: str) -> ListedJobDocument:
    jobs = jobs_view(ledger.conn, ledger.now)["jobs"]
    (job,) = (job for job in jobs if job["id"] == job_id)
    return job


def test_a_job_is_listed_with_its_columns_and_nothing_of_the_machinery(ledger: Ledger) -> None:
    ledger.add_job("backup", name="Nightly", schedule=("0 3 * * *",), timezone="Europe/Berlin", tags=("db",))
    job = listed(ledger, "backup")
    assert {name: job[name] for name in ("id", "name", "schedule", "timezone", "tags", "file", "line")} == {
        "id": "backup",
        "name": "Nightly",
        "schedule": "0 3 * * *",
        "timezone": "Europe/Berlin",
        "tags": ["db"],
        "file": "jobs.d/backup.yaml",
        "line": 1,
    }
    assert job["enabled"] is True
    assert job["drifted"] is False
    assert (job["status"], job["last_status"], job["last_run"], job["paused"], job["held"]) == (
        "idle", None, None, None, False,
    )  # fmt: skip
    assert not {"spec", "deleted_at"} & set(job)


@pytest.mark.parametrize(
    ("expressions", "shown"),
    [((), None), (HOURLY, "0 * * * *"), (("@daily", *HOURLY), ["@daily", "0 * * * *"])],
)
def test_a_schedule_is_null_one_text_or_a_list(
    ledger: Ledger, expressions: tuple[str, ...], shown: object
) -> None:
    ledger.add_job("job", schedule=expressions)
    assert listed(ledger, "job")["schedule"] == shown


@pytest.mark.parametrize(
    ("runs", "status", "last_status"),
    [
        ((), "idle", None),
        (("ok",), "ok", "ok"),
        (("ok", "error"), "error", "error"),
        (("error", "skipped"), "error", "error"),
        (("timeout", "scheduled"), "scheduled", "timeout"),
        (("ok", "running", "scheduled"), "running", "ok"),
        (("running",), "running", None),
    ],
)
def test_the_status_tells_of_active_runs_then_of_the_last_that_started(
    ledger: Ledger, runs: tuple[str, ...], status: str, last_status: str | None
) -> None:
    ledger.add_job("job", schedule=HOURLY)
    for run in runs:
        ledger.add_run("job", run)
    job = listed(ledger, "job")
    assert (job["status"], job["last_status"]) == (status, last_status)


def test_a_run_cancelled_before_its_start_is_no_outcome(ledger: Ledger) -> None:
    ledger.add_job("job")
    ledger.add_run("job", "cancelled", started_at=None)
    job = listed(ledger, "job")
    assert (job["status"], job["last_status"], job["last_run"]) == ("idle", None, None)


def test_a_run_that_started_and_found_nothing_to_do_is_the_last_outcome(ledger: Ledger) -> None:
    """Unlike one that was skipped before its start."""
    ledger.add_job("job")
    ledger.add_run("job", "error")
    run = ledger.add_run("job", "skipped", reason="exit_code", started_at=to_text(NOON))
    ledger.add_run("job", "skipped", reason="overlap")
    job = listed(ledger, "job")
    assert (job["status"], job["last_status"]) == ("skipped", "skipped")
    assert job["last_run"] is not None
    assert job["last_run"]["id"] == run


def test_paused_comes_before_running_until_the_pause_is_over(ledger: Ledger) -> None:
    ledger.add_job("job")
    ledger.add_run("job", "running")
    ledger.pause("job", until=NOON + timedelta(seconds=1))
    assert listed(ledger, "job")["status"] == "paused"
    ledger.clock.advance(seconds=1)
    assert listed(ledger, "job")["status"] == "running"


def test_disabled_comes_before_paused(ledger: Ledger) -> None:
    ledger.add_job("job", schedule=HOURLY, enabled=False)
    ledger.pause("job")
    job = listed(ledger, "job")
    assert (job["status"], job["next_run"]) == ("disabled", None)


def test_the_last_run_is_the_newest_that_started(ledger: Ledger) -> None:
    ledger.add_job("job")
    ledger.add_run("job", "ok")
    run = ledger.add_run("job", "running", started_at=to_text(NOON))
    ledger.add_run("job", "missed", reason="late")
    assert listed(ledger, "job")["last_run"] == {
        "id": run,
        "status": "running",
        "started_at": "2026-03-01T12:00:00.000Z",
        "finished_at": None,
        "duration_ms": None,
    }


def test_a_held_job_says_so_and_why(ledger: Ledger) -> None:
    ledger.add_job("job")
    ledger.hold("job", "line 3: no such key")
    assert listed(ledger, "job")["held"] is True
    assert job_view(ledger.conn, ledger.now, "job")["job"]["held_message"] == "line 3: no such key"


@pytest.mark.parametrize(
    ("until", "next_run"),
    [
        (None, None),
        (NOON + timedelta(hours=2, minutes=30), "2026-03-01T15:00:00.000Z"),
        (NOON + timedelta(hours=2), "2026-03-01T14:00:00.000Z"),
    ],
    ids=["until resumed", "until half past two", "until the moment of an occurrence"],
)
def test_the_next_run_of_a_paused_job_comes_after_the_pause(
    ledger: Ledger, until: datetime | None, next_run: str | None
) -> None:
    ledger.add_job("job", schedule=HOURLY)
    ledger.pause("job", until=until, reason="moving house")
    job = listed(ledger, "job")
    assert job["next_run"] == next_run
    assert job["paused"] == {"until": until and to_text(until), "reason": "moving house", "all": False}


def test_the_next_run_is_computed_from_the_row_or_taken_from_a_timetable(ledger: Ledger) -> None:
    ledger.add_job("job", schedule=HOURLY)
    ledger.add_job("manual")
    asked = jobs_view(ledger.conn, ledger.now, lambda _: datetime(2030, 1, 1, tzinfo=UTC))["jobs"]
    assert [job["next_run"] for job in asked] == ["2030-01-01T00:00:00.000Z", None]
    computed = jobs_view(ledger.conn, ledger.now)["jobs"]
    assert [job["next_run"] for job in computed] == ["2026-03-01T13:00:00.000Z", None]


def test_an_occurrence_already_decided_is_not_next(ledger: Ledger) -> None:
    ledger.add_job("job", schedule=HOURLY)
    ledger.conn.execute("UPDATE jobs SET decided_until = '2026-03-01T14:00:00.000Z'")
    assert listed(ledger, "job")["next_run"] == "2026-03-01T15:00:00.000Z"


def test_a_job_is_shown_with_its_spec_revision_and_last_runs(ledger: Ledger) -> None:
    ledger.add_job("job", schedule=HOURLY, args=("--fast",), timeout_ms=5000)
    runs = [ledger.add_run("job") for _ in range(12)]
    job = job_view(ledger.conn, ledger.now, "job")["job"]
    assert job["spec"]["args"] == ["--fast"]
    assert job["spec"]["timeout_ms"] == 5000
    assert job["revision"] is not None
    assert job["revision"]["commit"] == "f00dfeed" * 5
    assert [run["id"] for run in job["last_runs"]] == runs[:1:-1]


def test_a_deleted_job_is_not_listed_but_its_runs_are(ledger: Ledger) -> None:
    ledger.add_job("job")
    run = ledger.add_run("job")
    ledger.delete_job("job")
    assert jobs_view(ledger.conn, ledger.now) == {"jobs": []}
    assert [r["id"] for r in runs_view(ledger.conn, job_id="job", limit=5)["runs"]] == [run]
    check_known(ledger.conn, "job")
    with pytest.raises(NotFound, match=r"job job was deleted at 2026-03-01T12:00:00\.000Z"):
        job_view(ledger.conn, ledger.now, "job")


def test_an_unknown_job_is_answered_with_the_nearest_ids(ledger: Ledger) -> None:
    for job_id in ("backup", "backup-db", "report"):
        ledger.add_job(job_id)
    with pytest.raises(NotFound) as caught:
        job_view(ledger.conn, ledger.now, "bakup")
    assert caught.value.message == "there is no job bakup"
    assert caught.value.hint == "did you mean backup or backup-db?"


def test_every_column_of_a_job_is_told_but_the_two_that_documents_hold_otherwise(ledger: Ledger) -> None:
    told = [name for name in ledger.columns("jobs") if name not in ("spec", "deleted_at")]
    assert list(JobColumns.__annotations__) == told


def times(document: OccurrencesDocument) -> list[tuple[str, str]]:
    """The job and the time of each."""
    return [(each["job_id"], each["scheduled_for"]) for each in document["occurrences"]]


def test_coming_occurrences_are_merged_in_time_then_by_id(ledger: Ledger) -> None:
    ledger.add_job("hourly", schedule=HOURLY)
    ledger.add_job("half", schedule=("*/30 * * * *",))
    ledger.add_job("off", schedule=("* * * * *",), enabled=False)
    ledger.add_job("gone", schedule=("* * * * *",))
    ledger.delete_job("gone")
    assert times(next_view(ledger.conn, ledger.now, count=4)) == [
        ("half", "2026-03-01T12:30:00.000Z"),
        ("half", "2026-03-01T13:00:00.000Z"),
        ("hourly", "2026-03-01T13:00:00.000Z"),
        ("half", "2026-03-01T13:30:00.000Z"),
    ]
    only = times(next_view(ledger.conn, ledger.now, job_id="hourly", count=2))
    assert only == [("hourly", "2026-03-01T13:00:00.000Z"), ("hourly", "2026-03-01T14:00:00.000Z")]


@pytest.mark.parametrize(
    "edit",
    [
        "spec = '{}'",
        "spec = json_set(spec, '$.schedule', json('[\"61 * * * *\"]')), schedule = '61 * * * *'",
        "schedule = '[oops'",
    ],
)
def test_a_row_damaged_by_hand_hides_no_other_job(ledger: Ledger, edit: str) -> None:
    ledger.add_job("bad", schedule=HOURLY)
    ledger.add_job("good", schedule=HOURLY)
    ledger.conn.execute(f"UPDATE jobs SET {edit} WHERE id = 'bad'")
    jobs = {job["id"]: job for job in jobs_view(ledger.conn, ledger.now)["jobs"]}
    assert jobs["bad"]["drifted"] is True
    assert jobs["good"]["next_run"] is not None
    coming = next_view(ledger.conn, ledger.now, count=2)["occurrences"]
    assert "good" in {occurrence["job_id"] for occurrence in coming}


def test_occurrences_within_a_pause_do_not_come(ledger: Ledger) -> None:
    ledger.add_job("one", schedule=HOURLY)
    ledger.add_job("two", schedule=HOURLY)
    ledger.pause("one", until=NOON + timedelta(hours=2))
    ledger.pause("two")
    coming = times(next_view(ledger.conn, ledger.now, count=1))
    assert coming == [("one", "2026-03-01T14:00:00.000Z")]


def test_a_server_finds_the_same_by_what_is_next_of_each_job(ledger: Ledger) -> None:
    for number in range(30):
        ledger.add_job(f"job-{number:02}", schedule=(f"{number * 2} * * * *",))
    ledger.add_job("often", schedule=("* * * * *",))
    for number in (1, 2, 3):
        ledger.pause(f"job-{number:02}")
    ledger.pause("job-04", until=NOON + timedelta(minutes=9))
    known = next_runs(ledger.conn, ledger.now)
    for count in (1, 5, 40):
        expected = next_view(ledger.conn, ledger.now, count=count)["occurrences"]
        assert first_view(ledger.conn, ledger.now, known, count=count) == expected
        once = next_view(ledger.conn, ledger.now, count=count, once=True)["occurrences"]
        assert first_view(ledger.conn, ledger.now, known, count=count, once=True) == once
    ledger.pause(None, until=NOON + timedelta(minutes=30))
    expected = next_view(ledger.conn, ledger.now, count=5)["occurrences"]
    assert first_view(ledger.conn, ledger.now, known, count=5) == expected


def test_a_budget_of_tokens_is_told_with_what_has_been_used_of_it(ledger: Ledger) -> None:
    ledger.add_job("script")
    ledger.add_job(
        "mail",
        type=JobType.SESSION,
        source_type=SourceType.PROMPT,
        script="Sort the inbox.",
        session=Session(max_tokens_per_day=40_000),
    )
    ledger.add_run("mail", tokens=41_000)
    ledger.add_run("mail", "running", tokens=200)
    ledger.add_run("mail", tokens=5_000, started_at=to_text(NOON - timedelta(days=1)))
    ledger.add_run("script", tokens=7)
    assert job_view(ledger.conn, ledger.now, "script")["job"]["tokens_today"] is None
    assert job_view(ledger.conn, ledger.now, "mail")["job"]["tokens_today"] == {
        "used": 41_200,
        "limit": 40_000,
        "until": to_text(NOON + timedelta(hours=12)),
    }
