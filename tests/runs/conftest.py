"""What the tests of runs share."""

from pathlib import Path

import pytest
from support.runs import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)
