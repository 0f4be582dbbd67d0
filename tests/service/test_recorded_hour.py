"""An hour of a server that is killed in it, shortened to some minutes, against the play of that hour."""

from pathlib import Path

import pytest
from support.recorded_hour import record
from support.replaying import compared


@pytest.mark.campaign
def test_a_play_writes_the_rows_that_a_server_writes(tmp_path: Path) -> None:
    """``tests/core/simulation`` holds the play against a recording, in no time."""
    written, played = compared(record(tmp_path, unit_ms=3000))
    assert played == written
