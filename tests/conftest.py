"""What holds for all tests."""

import os
import time
from collections.abc import Iterator

import apsw
import pytest
from hypothesis import settings
from support.processes import has_ended, kill, runs_left

# aiohttp reads the certificates of all authorities as it is imported, in each server too. Tests that speak
# TLS name their own.
os.environ["SSL_CERT_FILE"] = os.devnull

# Times that a command shows are on the clocks of the person who looks.
os.environ["TZ"] = "UTC"
time.tzset()

# What a run finds in its environment: the tests may be a job themselves, and are not to use its database.
for name in [name for name in os.environ if name.startswith("JR_")]:
    del os.environ[name]


# A change is judged by its own faults: properties are tried with the same examples each time, and the
# campaigns look for others.
# None has a deadline: on a machine that does other things an example takes as long as it takes.
settings.register_profile("every day", derandomize=True, deadline=None)
settings.register_profile("campaign", derandomize=False, deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    is_campaign = config.getoption("markexpr") == "campaign"
    settings.load_profile("campaign" if is_campaign else "every day")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Four for two processors: many tests wait for a process or for the disk."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(scope="session", autouse=True)
def no_run_outlives_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A test that kills a server has to end what ran there: it would take time from all that follow."""
    yield
    left = [pid for pid in runs_left(tmp_path_factory.getbasetemp()) if not has_ended(pid, within=5)]
    for pid in left:
        kill(pid)
    assert not left, f"{len(left)} processes of runs are left"


@pytest.fixture(autouse=True)
def no_connection_outlives_its_test() -> Iterator[None]:
    """Descriptors are scarce, and reference cycles would keep connections until some collection."""
    yield
    for conn in apsw.connections():
        conn.close()
