"""An hour of a real server, in which it was killed by SIGKILL, against the play of the same hour.

``python -m support.recorded_hour 10 FILE`` recorded it, with 10 seconds for a minute.
"""

import json
from pathlib import Path

import pytest
from support.recorded_hour import Recording
from support.replaying import compared

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
    assert {row["trigger"] for row in rows} == {"schedule", "catch_up", "retry", "start"}
    assert {row["reason"] for row in rows if row["status"] in ("skipped", "missed")} == {
        *("overlap", "queue_full", "paused", "exit_code", "superseded", "no_catch_up", "late"),
    }
