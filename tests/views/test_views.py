"""What HTTP and --json tell: given rows, then documents."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.clock import NOON
from support.ledger import Ledger, as_document

from jeeves_runner import __version__
from jeeves_runner.access import TooOpen
from jeeves_runner.clock import to_text
from jeeves_runner.core.problem import Problem
from jeeves_runner.db.job_list import JobColumns
from jeeves_runner.db.run_list import WholeRunRow
from jeeves_runner.errors import NotFound
from jeeves_runner.views.job_lookup import check_known
from jeeves_runner.views.jobs import ListedJobDocument, job_view, jobs_view
from jeeves_runner.views.occurrences import next_view
from jeeves_runner.views.queues import peek_view, queue_ids_view, queue_view, queues_view
from jeeves_runner.views.runner import status_view
from jeeves_runner.views.runs import active_runs, failing, run_log, run_view, runs_view, tails
from jeeves_runner.views.state import namespaces_view
from jeeves_runner.views.sync import ProblemDocument, problems_view, recorded_sync

HOURLY = ("0 * * * *",)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


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


def test_runs_come_newest_first_by_job_status_and_page(ledger: Ledger) -> None:
    ledger.add_job("one")
    ledger.add_job("two")
    ids = [ledger.add_run(job, status) for job in ("one", "two") for status in ("ok", "error", "ok")]

    def found(**wanted: Any) -> list[int]:
        return [run["id"] for run in runs_view(ledger.conn, **{"limit": 50, **wanted})["runs"]]

    assert found() == ids[::-1]
    assert found(job_id="two") == ids[:2:-1]
    assert found(status="error") == [ids[4], ids[1]]
    assert found(status="ok") == [ids[5], ids[3], ids[2], ids[0]]
    assert found(status="running") == []
    assert found(before=ids[2], limit=1) == [ids[1]]
    assert found(job_id="nobody") == []


def test_a_list_of_runs_leaves_out_what_they_wrote(ledger: Ledger) -> None:
    ledger.add_job("job")
    ledger.add_run("job", stdout="out", stderr="err")
    (run,) = runs_view(ledger.conn, limit=1)["runs"]
    assert not {"stdout", "stderr"} & set(run)


def columns(ledger: Ledger, table: str) -> list[str]:
    """All columns of a table, in order."""
    found = ledger.conn.execute("SELECT name FROM pragma_table_xinfo(?) ORDER BY cid", (table,))
    return [str(name) for (name,) in found]


def test_every_column_of_a_job_is_told_but_the_two_that_documents_hold_otherwise(ledger: Ledger) -> None:
    told = [name for name in columns(ledger, "jobs") if name not in ("spec", "deleted_at")]
    assert list(JobColumns.__annotations__) == told


def test_every_column_of_a_run_is_told_but_those_of_the_runner(ledger: Ledger) -> None:
    own = {"mark", "handle", "epoch", "deadline", "end_seq", "is_occurrence"}
    assert set(columns(ledger, "runs")) - own == set(WholeRunRow.__annotations__) - {"commit"}


def test_a_run_is_told_whole_but_for_its_secrets(ledger: Ledger) -> None:
    ledger.add_job("job")
    run_id = ledger.add_run(
        "job", "error", exit_code=3, message="exit code 3", stdout="out\n", stderr="err\n", mark="secret",
        params='{"DAY": "1"}', result_meta='{"rows": 7}', forced=1, revision_id=ledger.revision,
    )  # fmt: skip
    run = run_view(ledger.conn, run_id)["run"]
    assert (run["exit_code"], run["stdout"], run["stderr"]) == (3, "out\n", "err\n")
    assert (run["params"], run["result_meta"], run["forced"]) == ({"DAY": "1"}, {"rows": 7}, True)
    assert run["commit"] == "f00dfeed" * 5
    assert "secret" not in str(run)
    assert as_document(run) == run


def test_a_result_that_is_no_json_is_shown_as_it_is(ledger: Ledger) -> None:
    ledger.add_job("job")
    run_id = ledger.add_run("job", result_meta="{half")
    assert run_view(ledger.conn, run_id)["run"]["result_meta"] == "{half"


def test_an_unknown_run_is_answered_with_the_newest(ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="there is no run 7") as none_yet:
        run_view(ledger.conn, 7)
    ledger.add_job("job")
    newest = ledger.add_run("job")
    with pytest.raises(NotFound) as caught:
        run_view(ledger.conn, newest + 1)
    assert none_yet.value.hint == "no run has been recorded yet"
    assert caught.value.hint == f"the newest run is {newest}"


def test_the_log_is_the_file_if_it_is_still_there(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add_job("job")
    log = tmp_path / "1.log"
    run_id = ledger.add_run("job", log_path=str(log), stdout="the tail", stderr="and errors\n")
    run, path = run_log(ledger.conn, run_id)
    assert path is None
    assert tails(run) == "the tail\nand errors\n"
    log.write_text("all of it")
    assert run_log(ledger.conn, run_id)[1] == log


def test_failures_are_counted_back_to_the_last_good_run(ledger: Ledger) -> None:
    ledger.add_job("job")
    for status in ("error", "ok", "error", "timeout", "skipped", "interrupted"):
        ledger.add_run("job", status)
    count, newest = failing(ledger.conn, "job")
    assert (count, newest["status"]) == (3, "interrupted")


def test_active_runs_are_those_that_run_then_those_that_wait(ledger: Ledger) -> None:
    ledger.add_job("job")
    waiting = ledger.add_run("job", "scheduled")
    ledger.add_run("job", "ok")
    running = ledger.add_run("job", "running")
    assert [run["id"] for run in active_runs(ledger.conn)] == [running, waiting]


def test_coming_occurrences_are_merged_in_time_then_by_id(ledger: Ledger) -> None:
    ledger.add_job("hourly", schedule=HOURLY)
    ledger.add_job("half", schedule=("*/30 * * * *",))
    ledger.add_job("off", schedule=("* * * * *",), enabled=False)
    ledger.add_job("gone", schedule=("* * * * *",))
    ledger.delete_job("gone")
    assert next_view(ledger.conn, ledger.now, count=4) == {
        "occurrences": [
            {"job_id": "half", "scheduled_for": "2026-03-01T12:30:00.000Z"},
            {"job_id": "half", "scheduled_for": "2026-03-01T13:00:00.000Z"},
            {"job_id": "hourly", "scheduled_for": "2026-03-01T13:00:00.000Z"},
            {"job_id": "half", "scheduled_for": "2026-03-01T13:30:00.000Z"},
        ]
    }
    only = next_view(ledger.conn, ledger.now, job_id="hourly", count=2)["occurrences"]
    assert [o["scheduled_for"] for o in only] == ["2026-03-01T13:00:00.000Z", "2026-03-01T14:00:00.000Z"]


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
    coming = next_view(ledger.conn, ledger.now, count=1)["occurrences"]
    assert coming == [{"job_id": "one", "scheduled_for": "2026-03-01T14:00:00.000Z"}]


def test_the_status_counts_jobs_runs_and_the_last_hour(ledger: Ledger) -> None:
    ledger.add_job("one")
    ledger.add_job("two")
    for ended in ("running", "scheduled", "ok", "ok", "error", "timeout", "interrupted", "cancelled"):
        ledger.add_run("one", ended)
    ledger.add_run("two", "ok", finished_at=to_text(ledger.at(minutes=61)))
    ledger.hold("two", "broken")
    sync = recorded_sync(ledger.conn, "nobody looks")
    status = status_view(
        ledger.conn,
        ledger.now,
        started_at=ledger.at(seconds=90),
        sync=sync,
        busy_since=ledger.at(seconds=5),
        too_open=[TooOpen(Path("/srv/data"), 0o755)],
    )
    assert status == {
        "name": "jeeves-runner",
        "version": __version__,
        "uptime_ms": 90_000,
        "status": "running",
        "health": {
            "total_jobs": 2,
            "running": 1,
            "waiting": 1,
            "failed_registrations": 1,
            "ok_last_hour": 2,
            "errors_last_hour": 3,
            "busy_ms": 5_000,
            "too_open": [{"path": "/srv/data", "mode": "0755"}],
        },
        "sync": {
            "state": "held",
            "since": None,
            "revision": ledger.revision,
            "commit": "f00dfeed" * 5,
            "checked_at": "2026-03-01T12:00:00.000Z",
            "reason": "nobody looks",
            "held": 1,
            "problems": 0,
            "changes": 0,
        },
    }


def error_in(file: str) -> list[ProblemDocument]:
    return problems_view([Problem(severity="error", code="x", file=file, line=1, column=1, message="x")])


def test_a_broken_manifest_that_holds_nothing_counts_as_failed_too(ledger: Ledger) -> None:
    ledger.add_job("old")
    ledger.hold("old", "broken")
    sync = recorded_sync(ledger.conn, None)
    for file in ("old", "new"):
        sync["problems"] += error_in(f"jobs.d/{file}.yaml")
    shown = status_view(ledger.conn, ledger.now, started_at=None, sync=sync)
    assert shown["health"]["failed_registrations"] == 2
    assert (shown["status"], shown["uptime_ms"]) == ("stopped", None)


def test_an_empty_database_can_be_looked_at(ledger: Ledger) -> None:
    ledger.conn.execute("DELETE FROM revisions")
    sync = recorded_sync(ledger.conn, None)
    assert (sync["state"], sync["revision"], sync["commit"]) == ("unwatched", 0, None)
    assert next_view(ledger.conn, ledger.now, count=3) == {"occurrences": []}
    assert runs_view(ledger.conn, limit=3) == {"runs": []}
    assert queue_ids_view(ledger.conn, ledger.now) == {"queues": []}
    assert queues_view(ledger.conn, ledger.now) == {"queues": []}
    assert namespaces_view(ledger.conn, ledger.now) == {"namespaces": []}


def test_every_document_is_made_of_json_alone(ledger: Ledger) -> None:
    ledger.add_job("job", schedule=(*HOURLY, "@daily"), env=(("A", "b"),), tags=("x",))
    ledger.add_run("job", "running")
    ledger.pause("job", until=NOON + timedelta(hours=1))
    ledger.declare_queue("mail")
    documents = [
        jobs_view(ledger.conn, ledger.now),
        job_view(ledger.conn, ledger.now, "job"),
        runs_view(ledger.conn, limit=5),
        queue_ids_view(ledger.conn, ledger.now),
        queues_view(ledger.conn, ledger.now),
        queue_view(ledger.conn, ledger.now, "mail"),
        peek_view(ledger.conn, ledger.now, "mail", 3),
    ]
    assert [as_document(document) for document in documents] == documents
