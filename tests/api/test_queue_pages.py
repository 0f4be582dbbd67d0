"""The list of queues, whole and in pages."""

from pathlib import Path

import pytest
from support.api import get
from support.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


@pytest.mark.parametrize("detail", ["", "&detail=1"])
def test_the_list_of_queues_is_whole_unless_a_page_is_asked_for(ledger: Ledger, detail: str) -> None:
    for name in ("b", "c", "a"):
        ledger.declare_queue(name)

    def ids(query: str) -> tuple[list[str], str | None]:
        body = get(ledger, f"/queues?{query}{detail}").body
        return [each["id"] if detail else each for each in body["queues"]], body.get("next_cursor")

    assert ids("") == (["a", "b", "c"], None)
    assert ids("limit=2") == (["a", "b"], "b")
    assert ids("limit=2&cursor=b") == (["c"], None)
    assert ids("limit=3") == (["a", "b", "c"], None)
    assert ids("cursor=a") == (["b", "c"], None)
