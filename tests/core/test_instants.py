"""Instants on the clocks of a zone: each has one, also at the ends of the calendar."""

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import jeeves_runner
from jeeves_runner.core.instants import on_clocks

TOKYO, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def test_an_instant_is_on_the_clocks_of_the_zone() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert on_clocks(noon, TOKYO).isoformat() == "2026-03-01T21:00:00+09:00"


@pytest.mark.parametrize(("instant", "zone"), [(FIRST, NEW_YORK), (LAST, TOKYO)])
def test_where_its_clocks_cannot_be_written_those_of_utc_are(instant: datetime, zone: ZoneInfo) -> None:
    assert on_clocks(instant, zone) == instant
    assert on_clocks(instant, zone).tzinfo is UTC


def test_no_other_module_puts_times_on_the_clocks_of_a_zone() -> None:
    folder = Path(jeeves_runner.__file__).parent
    others = [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*.py"))
        if re.search(r"\.astimezone\((?!UTC\))", path.read_text())
    ]
    assert others == ["core/instants.py"]
