"""Whatever is asked of whatever schedule, there is an answer, and it agrees with the schedule."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.ledger import Ledger
from support.why import since, why

from jeeves_runner.clock import from_text
from jeeves_runner.core.schedule.schedule import Schedule, ScheduleError, parse_schedule
from jeeves_runner.core.schedule_entry import At, Every, RRule, ScheduleEntry

_MINUTE = timedelta(minutes=1)
_INSTANT = timedelta(microseconds=1)

ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "Pacific/Apia", "Asia/Kathmandu")
ENTRIES: tuple[ScheduleEntry, ...] = (
    "30 2 * * *", "*/15 2 * * *", "*/7 * * * *", "0 3 1 * *", "15,45 1-3 * * sun", "H H * * *",
    Every(every="11m"), Every(every="25h", start="2026-01-01T02:30"), At(at="2026-03-29T02:30"),
    RRule(rrule="FREQ=MONTHLY;BYDAY=-1SU;BYHOUR=2;BYMINUTE=15;BYSECOND=0", start="2026-01-01T00:00"),
)  # fmt: skip
EXCLUDED = ("2026-03-29", "* 2 * * *", "2026-10-20..2026-11-02", "* * * * sat")

#: Around the shifts of these zones, and at any other time of the year.
MINUTES = st.one_of(
    st.integers(0, 3 * 24 * 60).map(lambda n: datetime(2026, 3, 28) + n * _MINUTE),  # noqa: DTZ001
    st.integers(0, 3 * 24 * 60).map(lambda n: datetime(2026, 10, 24) + n * _MINUTE),  # noqa: DTZ001
    st.integers(0, 365 * 24 * 60).map(lambda n: datetime(2026, 1, 2) + n * _MINUTE),  # noqa: DTZ001
)


@pytest.fixture(scope="module")
def world() -> Iterator[Ledger]:
    with TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "runner.sqlite")
        with closing(ledger.conn):
            ledger.clock.time = datetime(2026, 6, 1, tzinfo=UTC)
            yield ledger


def _schedule(entries: tuple[ScheduleEntry, ...], zone: str, exclude: tuple[str, ...]) -> Schedule | None:
    try:
        return parse_schedule(entries, zone, "job", exclude)
    except ScheduleError:  # no manifest would be applied that excludes all
        return None


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    entries=st.lists(st.sampled_from(ENTRIES), min_size=1, max_size=3, unique=True).map(tuple),
    exclude=st.lists(st.sampled_from(EXCLUDED), max_size=2, unique=True).map(tuple),
    zone=st.sampled_from(ZONES),
    local=MINUTES,
    is_local=st.booleans(),
)
def test_an_answer_agrees_with_the_schedule(
    world: Ledger,
    entries: tuple[ScheduleEntry, ...],
    exclude: tuple[str, ...],
    zone: str,
    local: datetime,
    is_local: bool,
) -> None:
    schedule = _schedule(entries, zone, exclude)
    assume(schedule is not None)
    assert schedule is not None
    world.conn.execute("DELETE FROM jobs")
    world.add_job("job", schedule=entries, timezone=zone, exclude=exclude)
    since(world, "job", datetime(2026, 1, 1, tzinfo=UTC))
    given_at = local if is_local else local.replace(tzinfo=UTC)
    text = given_at.isoformat(timespec="minutes")
    found = why(world, "job", text)
    if found["answer"] in ("pruned", "not_yet_due"):
        assert found["scheduled_for"] is not None
        when = from_text(found["scheduled_for"])
        assert schedule.next_after(when - _INSTANT) == when
        assert (found["answer"] == "not_yet_due") == (when > world.now)
        return
    assert found["answer"] in ("no_occurrence", "excluded")
    asked = local.replace(tzinfo=ZoneInfo(zone) if is_local else UTC)
    instants = {asked.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
    gone = is_local and all(
        each.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local for each in instants
    )
    if not gone:
        assert all(
            (following := schedule.next_after(each - _INSTANT)) is None or following >= each + _MINUTE
            for each in instants
        )
    if found["nearest"] is not None:
        before, after = found["nearest"]["before"], found["nearest"]["after"]
        assert before is None or after is None or before < after
        for near in (before, after):
            if near is not None:
                assert schedule.next_after(from_text(near) - _INSTANT) == from_text(near)
