"""What the tests of documents share."""

from pathlib import Path

import pytest
from support.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")
