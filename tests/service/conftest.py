"""What the tests of the whole program share."""

from pathlib import Path

import pytest
from support.server import new_project

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before the marks choose
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder start the whole program: `make service` runs them."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("service")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project without jobs, whose server gives its runs no time at a stop."""
    return new_project(tmp_path, "port: 0\nshutdown_grace: 0s\n")
