"""Given a job with many runs that gets another id, while they are carried, then readers see no difference."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledger import Ledger

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import JobSpec
from jeeves_runner.core.run import Run
from jeeves_runner.db import carried_runs, namespaces
from jeeves_runner.db.alert_facts import usual_ms
from jeeves_runner.db.carried_runs import AT_ONCE
from jeeves_runner.db.occurrence_runs import run_of
from jeeves_runner.db.renames import Rename, all_renames, earlier_ids, id_at, new_id, rename
from jeeves_runner.db.run_history import last_outcomes
from jeeves_runner.db.run_list import ended_rows, run_row, run_rows
from jeeves_runner.db.runs import run
from jeeves_runner.db.token_use import tokens_used

NAMES: Final = ("a", "b", "c")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "runner.sqlite")
    yield ledger
    ledger.conn.close()


def renamed(ledger: Ledger, old: str, new: str) -> None:
    with ledger.tx() as tx:
        rename(tx, [Rename(old, new)], ledger.revision)


def carried(ledger: Ledger, limit: int) -> int:
    with ledger.tx() as tx:
        return carried_runs.carry(tx, limit)


def ids(ledger: Ledger, job_id: str, limit: int = 1000) -> list[int]:
    return [row["id"] for row in run_rows(ledger.conn, job_id=job_id, limit=limit).rows]


def found(ledger: Ledger, run_id: int) -> Run:
    run_found = run(ledger.conn, run_id)
    assert run_found is not None
    return run_found


def raw(ledger: Ledger, job_id: str) -> int:
    return ledger.count("runs", f"job_id = '{job_id}'")


def test_all_readers_agree_from_the_first_moment_to_the_last(ledger: Ledger) -> None:
    ledger.add_job("old")
    due = [ledger.at(hours=400 - n) for n in range(200)]
    told = {"trigger": "schedule", "duration_ms": 5, "tokens": 1}
    runs = [
        ledger.add_run("old", "ok" if n % 50 else "error", scheduled_for=to_text(when), **told)
        for n, when in enumerate(due)
    ]
    renamed(ledger, "old", "new")
    assert 0 < raw(ledger, "new") <= 2 * AT_ONCE + 1
    left = [raw(ledger, "old")]
    while True:
        assert ids(ledger, "new") == runs[::-1]
        assert ids(ledger, "new", 7) == runs[:-8:-1]
        assert ids(ledger, "old") == []
        last = last_outcomes(ledger.conn, ["new", "old"], 30)
        assert ([run.id for run in last["new"]], last["old"]) == (runs[-30:], [])
        failed = run_rows(ledger.conn, job_id="new", status="error", limit=9).rows
        assert [row["id"] for row in failed] == runs[150::-50]
        page = run_rows(ledger.conn, job_id="new", before=runs[40], limit=1000).rows
        assert [row["id"] for row in page] == runs[39::-1]
        assert {row["job_id"] for row in run_rows(ledger.conn, limit=1000).rows} == {"new"}
        assert [row["id"] for row in ended_rows(ledger.conn, "new", 100)] == runs[:-101:-1]
        assert found(ledger, runs[0]).job_id == "new"
        row = run_row(ledger.conn, runs[0])
        assert row is not None
        assert row["job_id"] == "new"
        assert usual_ms(ledger.conn, "new") == 5
        assert tokens_used(ledger.conn, "new", ledger.at(hours=1), ledger.now) == 200
        for run_id, when in zip(runs[::60], due[::60], strict=True):
            row_of_it = run_of(ledger.conn, "new", when)
            assert row_of_it is not None
            assert row_of_it.run_id == run_id
            assert run_of(ledger.conn, "old", when) is None
        if not carried(ledger, 30):
            break
        left.append(raw(ledger, "old"))
    assert left == sorted(left, reverse=True)
    assert (raw(ledger, "old"), raw(ledger, "new")) == (0, 200)
    assert not carried_runs.is_carrying(ledger.conn)


def test_the_place_of_a_log_is_told_with_its_run(ledger: Ledger) -> None:
    ledger.add_job("old")
    path = "/srv/old/data/logs/old/1.log"
    run_id = ledger.add_run("old", log_path=path)
    renamed(ledger, "old", "new")
    row = run_row(ledger.conn, run_id)
    assert row is not None
    assert row["log_path"] == "/srv/old/data/logs/new/1.log"


def test_where_both_ran_at_the_same_time_the_row_stays_with_the_old_id(ledger: Ledger) -> None:
    for name in ("old", "new"):
        ledger.add_job(name)
        for hour in range(AT_ONCE + 5):
            when = f"2026-02-01T{hour:02}:00:00.000Z"
            ledger.add_run(name, trigger="schedule", scheduled_for=when)
    ledger.delete_job("new")
    renamed(ledger, "old", "new")
    while carried(ledger, 2):
        continue
    assert (raw(ledger, "old"), raw(ledger, "new")) == (AT_ONCE + 5, AT_ONCE + 5)
    assert len(ids(ledger, "old")) == AT_ONCE + 5


def test_the_pause_of_a_tombstone_gives_way_to_that_of_the_job(ledger: Ledger) -> None:
    for name in ("old", "new"):
        ledger.add_job(name)
        ledger.pause(name, reason=f"of {name}")
    ledger.delete_job("new")
    renamed(ledger, "old", "new")
    live = ledger.conn.execute("SELECT job_id, reason FROM overrides WHERE ended_at IS NULL").fetchall()
    assert live == [("new", "of old")]


def test_what_a_job_was_called_before_and_then(ledger: Ledger) -> None:
    ledger.add_job("a")
    began = to_text(ledger.now)
    for old, new in (("a", "b"), ("b", "c"), ("c", "a"), ("a", "d")):
        ledger.clock.advance(hours=1)
        renamed(ledger, old, new)
    assert earlier_ids(ledger.conn, "d") == ("a", "c", "b")
    assert earlier_ids(ledger.conn, "a") == ("c", "b")
    assert id_at(ledger.conn, "d", began) == "a"
    assert id_at(ledger.conn, "d", to_text(ledger.at(hours=1.5))) == "c"
    assert id_at(ledger.conn, "d", to_text(ledger.at(minutes=1))) == "a"
    assert {name: new_id(ledger.conn, name) for name in "abcd"} == {"a": "d", "b": "d", "c": "d", "d": None}
    assert sorted(all_renames(ledger.conn)) == [("a", "d"), ("b", "d"), ("c", "d")]


ACTS = st.one_of(
    st.tuples(st.just("run"), st.sampled_from(NAMES)),
    st.tuples(st.just("rename"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("carry"), st.integers(1, 3)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTS, max_size=25))
def test_whose_runs_are_is_never_in_doubt(acts: list[tuple[str, ...]]) -> None:
    """Ids are used again and again, by the same job and by new ones, while runs are being carried."""
    with TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "runner.sqlite")
        called: dict[str, list[int]] = {}
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(carried_runs, "AT_ONCE", 1)
            for act, *words in acts:
                _act(ledger, called, act, words)
                for name in NAMES:
                    assert ids(ledger, name) == called.get(name, [])[::-1]
                    assert all(found(ledger, each).job_id == name for each in called.get(name, ()))
            while carried(ledger, 2):
                continue
        assert {name: raw(ledger, name) for name in NAMES} == {n: len(called.get(n, ())) for n in NAMES}
        used = [
            name for (name,) in ledger.conn.execute("SELECT namespace FROM jobs WHERE deleted_at IS NULL")
        ]
        assert len(used) == len(set(used))
        ledger.conn.close()


def _act(ledger: Ledger, called: dict[str, list[int]], act: str, words: list[str]) -> None:
    match act, words:
        case "carry", [limit]:
            carried(ledger, int(limit))
        case "run", [name]:
            if name not in called:
                _make(ledger, name)
            called.setdefault(name, []).append(ledger.add_run(name))
        case "rename", [old, new] if old in called and new not in called:
            renamed(ledger, old, new)
            called[new] = called.pop(old)


def _make(ledger: Ledger, name: str) -> None:
    """A new job, as an apply makes it."""
    with ledger.tx() as tx:
        namespaces.settle(tx, [name])
    ledger.add_jobs([JobSpec(id=name, name=name, script="/srv/x.sh")])
