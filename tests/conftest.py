"""What holds for all tests."""

import os
from collections.abc import Iterator

import apsw
import pytest

# aiohttp reads the certificates of all authorities as it is imported, in each server too. Tests that speak
# TLS name their own.
os.environ["SSL_CERT_FILE"] = os.devnull

# What a run finds in its environment: the tests may be a job themselves, and are not to use its database.
for name in [name for name in os.environ if name.startswith("JR_")]:
    del os.environ[name]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Four for two processors: many tests wait for a process or for the disk."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(autouse=True)
def no_connection_outlives_its_test() -> Iterator[None]:
    """Descriptors are scarce, and reference cycles would keep connections until some collection."""
    yield
    for conn in apsw.connections():
        conn.close()
