"""What a run has claimed stays its own while it works, whatever else keeps the runner busy."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from support.db import Gate
from support.runs import Place, Rig, job, with_runner

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.db import queue_claims, queue_enqueue
from jeeves_runner.db.lineage import Effects
from jeeves_runner.db.writer import Priority
from jeeves_runner.runner.leases import Leases


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.apply(job("work", "exec sleep 60"))
    return place


async def a_claim_about_to_end(place: Place, rig: Rig) -> None:
    run = await rig.runs.request("work")
    with place.write() as tx:
        queue_enqueue.enqueue(tx, "inbox", ["1"])
        queue_claims.claim(tx, "inbox", effects=Effects(run.id))
        tx.conn.execute("UPDATE queue_items SET lease_until = ?", (to_text(tx.now + timedelta(seconds=1)),))


def left(place: Place) -> timedelta:
    until = from_text(place.value("SELECT lease_until FROM queue_items"))
    return until - place.clock.now()


def test_the_leases_of_a_running_run_do_not_end(place: Place) -> None:
    async def scenario(rig: Rig) -> None:
        await a_claim_about_to_end(place, rig)
        await Leases(writer=rig.writer, runs=rig.runs).extend()
        assert left(place) > timedelta(minutes=4)

    with_runner(place, scenario)


def test_they_do_not_wait_for_housekeeping(place: Place) -> None:
    async def scenario(rig: Rig) -> None:
        await a_claim_about_to_end(place, rig)
        bite, next_bite = Gate(), Gate()
        first = asyncio.create_task(rig.writer.write(bite, priority=Priority.MAINTENANCE))
        await bite.entered()
        second = asyncio.create_task(rig.writer.write(next_bite, priority=Priority.MAINTENANCE))
        await asyncio.sleep(0)  # it waits in line
        extended = asyncio.create_task(Leases(writer=rig.writer, runs=rig.runs).extend())
        await asyncio.sleep(0)
        bite.open()
        await extended
        assert not second.done()
        next_bite.open()
        await asyncio.gather(first, second)

    with_runner(place, scenario)
