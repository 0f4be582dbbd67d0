"""How SQLite looks things up in queues: by index, however many items there are."""

from pathlib import Path

import pytest
from support.ledger import Store

from jeeves_runner.db import queue_claims, queue_contents, queue_enqueue, queue_upkeep, queues

STATEMENTS = {
    "claim": queue_claims._CLAIM,
    "next priority": queue_claims._NEXT_PRIORITY,
    "ready": queue_claims._ADDED_AND_DELAYED,
    "added": queue_claims._ADDED,
    "some delayed": queue_claims._SOME_DELAYED,
    "settle": queue_claims._SETTLE_ONE,
    "waits too long": queue_claims._WAITS_TOO_LONG,
    "waiting twin": queue_enqueue._WAITING_TWIN,
    "any twin": queue_enqueue._ANY_TWIN,
    "busy": queues._IS_BUSY.replace("?1", "?"),
    "counts": queue_contents._COUNTS,
    "peek": queue_contents._PENDING,
    "failed": queue_contents._FAILED,
    "leases of runs": queue_upkeep._LEASES_OF_RUNS,
    "grow leases": queue_upkeep._GROW_LEASES,
    "release": queue_upkeep._RELEASE_COUNTED,
    "prune completed": queue_upkeep._PRUNE_COMPLETED,
    "prune failed": queue_upkeep._PRUNE_FAILED,
}


def touches(folder: Path, name: str) -> list[str]:
    """The steps in which a statement looks into the items."""
    store = Store(folder / "runner.sqlite")
    names = "any at until lease run queue id count level wanted below runs key error limit before lease_ended"
    statement = STATEMENTS[name].replace("?", ":any")
    steps = list(store.conn.execute(f"EXPLAIN QUERY PLAN {statement}", dict.fromkeys(names.split(), 1)))
    store.conn.close()
    return [step for _, _, _, step in steps if "queue_items" in step]


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_reads_all_items(tmp_path: Path, name: str) -> None:
    found = touches(tmp_path, name)
    assert found
    assert [step for step in found if not step.startswith("SEARCH queue_items USING")] == []


def test_an_equal_item_that_waits_is_found_beside_any_number_that_are_done(tmp_path: Path) -> None:
    (step,) = touches(tmp_path, "waiting twin")
    assert step.endswith("(queue_id=? AND dedup_key=? AND status=?)")
