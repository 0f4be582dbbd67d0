"""What the tests of the whole program share."""

from pathlib import Path

import pytest
from support.server import new_project


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project without jobs, whose server gives its runs no time at a stop."""
    return new_project(tmp_path, "port: 0\nshutdown_grace: 0s\n")
