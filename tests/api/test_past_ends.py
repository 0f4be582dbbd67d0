"""How the runs of the last day ended, by half hours, of which those that have passed are counted once."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from support.ledger import Ledger

from jeeves_runner.api.past_ends import DAY, SLOT, SLOTS, PastEnds
from jeeves_runner.api.read_pool import ReadPool
from jeeves_runner.clock import to_text

NOW = datetime(2026, 3, 1, 12, 10, tzinfo=UTC)


def end(ledger: Ledger, at: datetime, status: str = "ok") -> None:
    with ledger.tx() as tx:
        tx.conn.execute(
            "INSERT INTO runs (job_id, status, trigger, created_at, started_at, finished_at, end_seq)"
            " SELECT 'greet', ?1, 'manual', ?2, ?2, ?2, count(*) + 1 FROM runs",
            (status, to_text(at)),
        )


def counted(ledger: Ledger, *nows: datetime) -> list[dict[int, dict[str, int]]]:
    """What there is at each of these times, by the place from the end."""

    async def scenario() -> list[dict[int, dict[str, int]]]:
        reads = ReadPool(ledger.path)
        past, found = PastEnds(reads), []
        for now in nows:
            slots = await past.last_day(now)
            assert len(slots) == SLOTS
            found.append({SLOTS - 1 - at: dict(slot.ended) for at, slot in enumerate(slots) if slot.ended})
            end(ledger, NOW - 2 * SLOT, "error")
        await reads.close(None)  # type: ignore[arg-type]
        return found

    return asyncio.run(scenario())


def test_each_end_counts_in_its_half_hour(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("greet")
    for ago in (timedelta(), SLOT, SLOT):
        end(ledger, NOW - ago)
    end(ledger, NOW - SLOT, "skipped")
    assert counted(ledger, NOW) == [{0: {"ok": 1}, 1: {"ok": 2, "skipped": 1}}]


def test_the_last_day_is_24_hours_also_within_a_half_hour(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("greet")
    moment, later = timedelta(milliseconds=1), timedelta(minutes=5)
    for at in (NOW - DAY - moment, NOW - DAY, NOW - DAY + later, NOW - DAY + SLOT):
        end(ledger, at)
    end(ledger, NOW - SLOT, "skipped")
    at_once, soon = counted(ledger, NOW, NOW + later + moment)
    assert at_once == {SLOTS - 1: {"ok": 2}, SLOTS - 2: {"ok": 1}, 1: {"skipped": 1}}
    assert soon == {SLOTS - 2: {"ok": 1}, 1: {"skipped": 1}}


def test_a_half_hour_that_has_passed_is_counted_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("greet")
    first, second, third = counted(ledger, NOW, NOW, NOW - timedelta(days=1))
    assert (first, second) == ({}, {})
    assert third == {}
