"""What the database tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.db import database
from support.ledger import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database that has just been set up."""
    path = tmp_path / "runner.sqlite"
    database(path).close()
    return path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "runner.sqlite")
    yield store
    store.conn.close()
