"""How SQLite looks things up in queues: by index, however many items there are."""

from pathlib import Path

import pytest
from support.ledger import Store

from jeeves_runner.db import (
    lineage_list,
    queue_claims,
    queue_contents,
    queue_deletion,
    queue_enqueue,
    queue_flow,
    queue_lines,
    queue_purge,
    queue_retries,
    queue_triggers,
    queue_upkeep,
    queues,
)

STATEMENTS = {
    "claim": queue_claims._CLAIM,
    "next priority": queue_claims._NEXT_PRIORITY,
    "ready of a level": queue_claims._OF_LEVEL,
    "added": queue_claims._ADDED,
    "some delayed": queue_claims._SOME_DELAYED,
    "some ended": queue_claims._SOME_ENDED,
    "settle": queue_claims._SETTLE_ONE,
    "waits too long": queue_claims._WAITS_TOO_LONG,
    "enough to start": queue_triggers._COUNT,
    "items that start": queue_triggers._ITEMS,
    "waiting twin": queue_enqueue._WAITING_TWIN,
    "any twin": queue_enqueue._ANY_TWIN,
    "busy": queues._IS_BUSY.replace("?1", "?"),
    "counts": queue_contents._COUNTS,
    "peek": queue_contents._PENDING,
    "failed": queue_contents._FAILED,
    "items in turn": queue_contents._PENDING_IDS,
    "lines": queue_lines._LINES,
    "lines of claims": queue_lines._CLAIMED,
    "lines of failed": queue_lines._FAILED,
    "newest errors": queue_lines._ERRORS,
    "flows": queue_flow._FLOWS,
    "minutes": queue_flow._MINUTES,
    "leases of runs": queue_upkeep._LEASES_OF_RUNS,
    "grow leases": queue_upkeep._GROW_LEASES,
    "release": queue_upkeep._RELEASE_COUNTED,
    **{f"purge {kind}": statement for kind, statement in queue_purge.FINDS.items()},
    "prune completed": queue_upkeep._OLD_COMPLETED,
    "prune failed": queue_upkeep._OLD_FAILED,
    "count ended claims": queue_claims._COUNT_ONE,
    "count a claim": queue_claims._COUNT_CLAIM,
    "count an undone claim": queue_upkeep._COUNT_CLAIM,
    "count what is deleted": queue_deletion._COUNT,
    "delete": queue_deletion._DELETE,
    "told by items": lineage_list._TOLD,
    "try again": queue_retries._FAILED,
}


def touches(folder: Path, name: str) -> list[str]:
    """The steps in which a statement looks into the items."""
    store = Store(folder / "runner.sqlite")
    names = (
        "any at until lease run queue id count level wanted below runs key error limit before lease_ended"
        " attempt token revision batch most chain newest ids item read shown ended end since"
    )
    statement = STATEMENTS[name].replace("?", ":any")
    steps = list(store.conn.execute(f"EXPLAIN QUERY PLAN {statement}", dict.fromkeys(names.split(), 1)))
    store.conn.close()
    return [step for _, _, _, step in steps if "queue_items" in step]


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_reads_all_items(tmp_path: Path, name: str) -> None:
    found = touches(tmp_path, name)
    assert found
    assert [step for step in found if not step.startswith("SEARCH queue_items USING")] == []


def test_the_next_of_those_that_were_added_is_the_first_of_an_index(tmp_path: Path) -> None:
    """No sort, however many wait."""
    assert touches(tmp_path, "added") == ["SEARCH queue_items USING INDEX queue_items_added (queue_id=?)"]
    (step,) = touches(tmp_path, "some delayed")
    assert step.endswith("(queue_id=? AND ready_at>? AND ready_at<?)")


def test_a_claim_writes_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "runner.sqlite")
    with store.tx() as tx:
        queue_enqueue.enqueue(tx, "a", ["1", "2"])
    written: list[str] = []

    def note(_cursor: object, sql: str, _bindings: object) -> bool:
        written.append(sql.split(maxsplit=1)[0])
        return True

    with store.tx() as tx:
        tx.conn.exec_trace = note
        assert [item.payload for item in queue_claims.claim(tx, "a")] == [1]
        tx.conn.exec_trace = None
    store.conn.close()
    assert [word for word in written if word not in ("SELECT", "PRAGMA")] == ["UPDATE"]


def test_an_equal_item_that_waits_is_found_beside_any_number_that_are_done(tmp_path: Path) -> None:
    (step,) = touches(tmp_path, "waiting twin")
    assert step.endswith("(queue_id=? AND dedup_key=? AND status=?)")
