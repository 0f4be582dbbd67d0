"""What the tests of runs share."""

from pathlib import Path

import pytest
from support.runs import Place

from jeeves_runner.db.connection import connect


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database to copy: making one takes longer than most stories."""
    path = tmp_path_factory.mktemp("template") / "runner.sqlite"
    connect(path, create=True).close()
    return path
