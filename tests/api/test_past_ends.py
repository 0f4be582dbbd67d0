"""How the runs of the last day ended, by half hours, of which those that have passed are counted once."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from support.ledger import Ledger

from jeeves_runner.api.past_ends import SLOT, SLOTS, PastEnds
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


def test_each_end_counts_in_its_half_hour_and_none_of_before_the_day(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("greet")
    for ago in (timedelta(), SLOT, SLOT, SLOT * SLOTS):
        end(ledger, NOW - ago)
    end(ledger, NOW - SLOT, "skipped")
    assert counted(ledger, NOW) == [{0: {"ok": 1}, 1: {"ok": 2, "skipped": 1}}]


def test_a_half_hour_that_has_passed_is_counted_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("greet")
    first, second, third = counted(ledger, NOW, NOW, NOW - timedelta(days=1))
    assert (first, second) == ({}, {})
    assert third == {}
