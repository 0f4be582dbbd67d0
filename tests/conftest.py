"""What holds for all tests."""

from collections.abc import Iterator

import apsw
import pytest


@pytest.fixture(autouse=True)
def no_connection_outlives_its_test() -> Iterator[None]:
    """Descriptors are scarce, and reference cycles would keep connections until some collection."""
    yield
    for conn in apsw.connections():
        conn.close()
