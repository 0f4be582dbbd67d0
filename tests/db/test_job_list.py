"""By its sign a job is known to be as it was: each change of what is listed of it makes another one."""

from pathlib import Path

import pytest
from support.clock import NOON
from support.ledger import Ledger

from jeeves_runner.db.job_list import JobColumns, job_signs, listed_jobs

ONE, OTHER = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
CHANGES: dict[str, tuple[object, object]] = {
    "name": ("one", "other"),
    "schedule": ("0 1 * * *", "0 2 * * *"),
    "script": ("one", "other"),
    "type": ("session", "script"),
    "enabled": (0, 1),
    "timeout_ms": (1, 2),
    "overlap_policy": ("allow", "skip"),
    "on_failure": ("one", "other"),
    "on_success": ("one", "other"),
    "output_channel": ("one", "other"),
    "description": ("one", "other"),
    "timezone": ("Europe/Berlin", "UTC"),
    "source_type": ("path", "inline"),
    "spec_hash": ("one", "other"),
    "file": ("one", "other"),
    "line": (1000, 2000),
    "namespace": ("one", "other"),
    "drifted": (1, 0),
    "created_at": (ONE, OTHER),
    "updated_at": (ONE, OTHER),
    "schedule_since": (ONE, OTHER),
    "decided_until": (ONE, OTHER),
    "spec": ('{"owner":"one"}', '{"owner":"other"}'),
}
"""What is written into each column by hand, in turns."""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runner.sqlite")
    made.add_job("a")
    made.add_job("b")
    made.conn.execute("UPDATE jobs SET drifted = 0")
    return made


def _signs(ledger: Ledger) -> dict[str, int]:
    return {sign[0]: hash(sign) for sign in job_signs(ledger.conn)}


def _listed(ledger: Ledger) -> dict[str, object]:
    return {job.columns["id"]: job for job in listed_jobs(ledger.conn, NOON)}


def test_every_column_that_is_listed_is_changed_here() -> None:
    assert {*CHANGES, "id", "revision_id"} == {*JobColumns.__annotations__, "spec"}


@pytest.mark.parametrize("column", CHANGES)
def test_each_change_of_a_column_makes_another_sign_also_where_the_row_is_marked(
    ledger: Ledger, column: str
) -> None:
    for value in CHANGES[column] * 2:
        signs, listed = _signs(ledger), _listed(ledger)
        ledger.conn.execute(f"UPDATE jobs SET {column} = ? WHERE id = 'a'", (value,))
        assert _listed(ledger)["a"] != listed["a"]
        assert _signs(ledger)["a"] != signs["a"]
        assert _signs(ledger)["b"] == signs["b"]


def test_each_step_of_a_run_makes_another_sign(ledger: Ledger) -> None:
    for status in ("scheduled", "running", "ok", "error", "running"):
        signs, listed = _signs(ledger), _listed(ledger)
        ledger.add_run("a", status)
        assert _listed(ledger)["a"] != listed["a"]
        assert _signs(ledger)["a"] != signs["a"]
        assert _signs(ledger)["b"] == signs["b"]


def test_tags_that_were_changed_to_no_list_are_none(ledger: Ledger) -> None:
    ledger.conn.execute("""UPDATE jobs SET spec = json_set(spec, '$.tags', 'not a list') WHERE id = 'a'""")
    (job,) = listed_jobs(ledger.conn, NOON, ["a"])
    assert job.tags == []


def test_jobs_are_listed_by_their_ids_or_from_one_on(ledger: Ledger) -> None:
    def ids(*asked: list[str], **page: object) -> list[str]:
        return [job.columns["id"] for job in listed_jobs(ledger.conn, NOON, *asked, **page)]  # type: ignore[arg-type]

    assert ids() == ["a", "b"]
    assert ids(["b", "nothing", "b"]) == ["b"]
    assert ids([]) == []
    assert ids(after="a") == ["b"]
    assert ids(limit=1) == ["a"]
