"""A client on a database of its own, and its clock."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.ledger import Store

from jeeves_runner.client import Client


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "runner.sqlite")
    yield store
    store.conn.close()


@pytest.fixture
def jr(store: Store) -> Iterator[Client]:
    with Client(store.path, clock=store.clock) as client:
        yield client
