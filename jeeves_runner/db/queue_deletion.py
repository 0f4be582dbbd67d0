"""Queue items deleted, with what they alone tell of the runs that they name kept."""

import json
from typing import Any, Final

from jeeves_runner.db.lineage import counting_all
from jeeves_runner.db.transaction import Tx


def delete_items(tx: Tx, which: str, bindings: dict[str, Any]) -> int:
    """Delete the items whose ids a statement finds. Returns how many."""
    ids = [item_id for (item_id,) in tx.conn.execute(which, bindings)]
    found = {"ids": json.dumps(ids)}
    tx.conn.execute(_COUNT, found)
    tx.conn.execute(_DELETE, found)
    return len(ids)


_OF_THESE: Final = "id IN (SELECT value FROM json_each(:ids))"
_COUNT: Final = counting_all(_OF_THESE)
_DELETE: Final = f"DELETE FROM queue_items WHERE {_OF_THESE}"
