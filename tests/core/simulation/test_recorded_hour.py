"""An hour of a real server, in which it was killed by SIGKILL, against the play of the same hour.

``python -m support.recorded_hour 10 FILE`` recorded it, with 10 seconds for a minute.
"""

import json
from pathlib import Path

import pytest
from support.recorded_hour import Recording
from support.replaying import compared

from jeeves_runner.clock import from_text

RECORDED = Path(__file__).parents[2] / "data" / "recorded-hour.json"


@pytest.fixture(scope="module")
def recording() -> Recording:
    found: Recording = json.loads(RECORDED.read_text())
    return found


def test_a_play_writes_the_rows_that_a_server_wrote(recording: Recording) -> None:
    written, played = compared(recording)
    for job_id in recording["manifests"]:
        assert played.get(job_id) == written.get(job_id), job_id
    assert played == written


def test_the_hour_has_all_that_can_befall_a_run(recording: Recording) -> None:
    """So that the play is held against each of it."""
    rows = recording["rows"]
    assert {row["status"] for row in rows} >= {
        *("ok", "error", "timeout", "cancelled", "interrupted", "skipped", "missed"),
    }
    assert {row["trigger"] for row in rows} == {"schedule", "catch_up", "retry", "start", "after"}
    assert {row["reason"] for row in rows if row["status"] in ("skipped", "missed")} == {
        *("overlap", "queue_full", "paused", "exit_code", "superseded", "no_catch_up", "late", "needs"),
    }


def test_in_the_hour_runs_follow_as_they_can(recording: Recording) -> None:
    """Several at once, none while one runs or in a pause, what was killed, and what a need let wait."""
    rows = recording["rows"]
    causes: dict[str, list[list[int]]] = {row["job_id"]: [] for row in rows}
    for row in rows:
        causes[row["job_id"]].append(json.loads(row["caused_by"] or "{}").get("runs", []))
    for job_id in ("follows-both", "follows-slowly", "follows-when-resumed"):
        assert {len(runs) > 1 for runs in causes[job_id]} >= {True}, job_id
    assert all(len(runs) == 1 for runs in causes["follows-side-by-side"])
    ended = {row["job_id"] for row in rows if row["status"] == "interrupted"}
    assert "follows-side-by-side" in ended
    assert max(row["depth"] for row in rows) == 2
    waited = [row for row in rows if row["job_id"] == "waits-for-second" and row["started_at"]]
    assert any(_seconds(row["created_at"], row["started_at"]) > 2 for row in waited)


def _seconds(since: str, until: str | None) -> float:
    assert until is not None
    return (from_text(until) - from_text(since)).total_seconds()
