"""What is listed of a job is as it was if its sign is, and nothing has moved beside it."""

from pathlib import Path

import pytest
from support.clock import NOON
from support.job_steps import BEFORE, ONE, OTHER, STEPS
from support.ledger import Ledger

from jeeves_runner.db.job_list import JobColumns, ListedJob, listed_jobs
from jeeves_runner.db.job_signs import MOST_RUNS, Beside, job_signs

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


def _listed(ledger: Ledger) -> dict[str, ListedJob]:
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


@pytest.mark.parametrize("step", STEPS)
def test_whatever_comes_to_pass_beside_a_job_is_known_to_have_moved(tmp_path: Path, step: str) -> None:
    changed = 0
    for number, statements in enumerate(BEFORE.values()):
        for more in ((), (step,)):  # it comes for the first time, and once more
            ledger = Ledger(tmp_path / f"{number}-{len(more)}.sqlite")
            ledger.add_job("a")
            ledger.add_job("b")
            for each in (*statements, *more):
                ledger.conn.execute(each)
            listed, beside = _listed(ledger), Beside.read(ledger.conn)
            ledger.conn.execute(step)
            moved = Beside.read(ledger.conn).moved(ledger.conn, beside)
            others = {job_id for job_id, job in _listed(ledger).items() if job != listed[job_id]}
            assert moved is None or others <= moved
            changed += len(others)
            ledger.conn.close()
    assert changed, "it changes nothing that is listed"


def test_what_does_not_move_a_job_has_not_moved(ledger: Ledger) -> None:
    for each in BEFORE["one that has ended, one that runs"]:
        ledger.conn.execute(each)
    beside = Beside.read(ledger.conn)
    ledger.conn.execute("UPDATE jobs SET decided_until = ? WHERE id = 'a'", (OTHER,))
    ledger.conn.execute("UPDATE runs SET log_path = NULL, tokens = 7")
    assert Beside.read(ledger.conn).moved(ledger.conn, beside) == frozenset()
    ledger.add_run("b", "skipped", end_seq=2)
    assert Beside.read(ledger.conn).moved(ledger.conn, beside) == frozenset({"b"})


def test_after_very_many_runs_any_job_may_have_moved(ledger: Ledger) -> None:
    """To read which they were would take longer than to read all jobs anew, after a day seconds."""
    now = Beside.read(ledger.conn)
    for of in ("newest", "ended"):
        for more, moved in ((MOST_RUNS, frozenset()), (MOST_RUNS + 1, None)):
            assert now._replace(**{of: getattr(now, of) + more}).moved(ledger.conn, now) == moved


def test_to_forget_old_runs_moves_nothing(ledger: Ledger) -> None:
    for number in range(1, 4):
        ledger.add_run("a", "ok", end_seq=number)
    beside = Beside.read(ledger.conn)
    ledger.conn.execute("DELETE FROM runs WHERE id < (SELECT max(id) FROM runs)")
    assert Beside.read(ledger.conn) == beside
