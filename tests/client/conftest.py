"""A client on a database of its own, and its clock: over each way that a script can take."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.ledger import Store
from support.state_server import WAYS, Way, way_to

from jeeves_runner.client import Client


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "runner.sqlite")
    yield store
    store.conn.close()


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, store: Store) -> Iterator[Way]:
    with way_to(store, request.param) as way:
        yield way


@pytest.fixture
def jr(way: Way) -> Iterator[Client]:
    with way.client() as client:
        yield client
