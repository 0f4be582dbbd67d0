"""The audit: what is deleted of it, and how that is found."""

from datetime import UTC, datetime
from pathlib import Path

from support.ledger import Store

from jeeves_runner.clock import to_text
from jeeves_runner.db import audit


def test_the_oldest_acts_go_first_also_where_a_clock_was_set_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "runner.sqlite")
    times = [datetime(2026, 3, day, tzinfo=UTC) for day in (9, 2, 1, 3)]
    for when in times:
        store.conn.execute(
            "INSERT INTO audit (at, actor, action, target) VALUES (?, 'cli', 'pause', 'all')",
            (to_text(when),),
        )
    left = []
    for limit in (1, 10):
        with store.tx() as tx:
            assert audit.prune(tx, times[3], limit) == 1
        left.append([at[:10] for (at,) in store.conn.execute("SELECT at FROM audit ORDER BY at")])
    assert left == [["2026-03-02", "2026-03-03", "2026-03-09"], ["2026-03-03", "2026-03-09"]]
    store.conn.close()


def test_the_acts_that_go_are_found_without_reading_the_others(tmp_path: Path) -> None:
    store = Store(tmp_path / "runner.sqlite")
    steps = store.conn.execute(f"EXPLAIN QUERY PLAN {audit._OUTLIVED}", ("2026", 1)).fetchall()
    assert [step for *_, step in steps] == ["SEARCH audit USING COVERING INDEX audit_by_time (at<?)"]
    store.conn.close()


def test_those_since_a_time_are_told_also_where_a_clock_was_set_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "runner.sqlite")
    for day in (1, 9, 2, 5, 8):
        store.conn.execute(
            "INSERT INTO audit (at, actor, action, target) VALUES (?, 'cli', 'pause', 'all')",
            (to_text(datetime(2026, 3, day, tzinfo=UTC)),),
        )
    found = audit.rows(store.conn, before=None, limit=10, since=datetime(2026, 3, 5, tzinfo=UTC))
    assert [row["id"] for row in found] == [5, 4, 2]
    none = audit.rows(store.conn, before=None, limit=10, since=datetime(2026, 4, 1, tzinfo=UTC))
    assert none == []
    store.conn.close()


def test_where_they_begin_is_found_by_the_index_of_times(tmp_path: Path) -> None:
    store = Store(tmp_path / "runner.sqlite")
    plan = f"EXPLAIN QUERY PLAN SELECT id FROM audit WHERE {audit._NOT_BEFORE} ORDER BY id DESC"
    steps = [step for *_, step in store.conn.execute(plan, ("2026",))]
    assert steps[-1] == "SEARCH audit USING COVERING INDEX audit_by_time (at>?)"
    store.conn.close()
