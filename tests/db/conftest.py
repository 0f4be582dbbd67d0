"""What the database tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.ledger import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "runner.sqlite")
    yield store
    store.conn.close()
