"""``on_queue``: items that are ready start a job, once, as soon as nothing holds it back."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.runs import Place, Rig, job, with_runner

from jeeves_runner.core.durations import End
from jeeves_runner.core.edge_spec import OnQueue
from jeeves_runner.core.model import JobSpec, OverlapPolicy, Trigger
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import overrides, queue_claims, queue_enqueue, queue_pauses, queue_triggers
from jeeves_runner.db.renames import Rename, rename
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority
from jeeves_runner.runner import queue_watch
from jeeves_runner.runner.queue_watch import QueueWatch

AT_ONCE = OnQueue("mail", batch=1, max_wait_ms=0)
WORK = """exec python3 -c '
from jeeves_runner.client import Client
with Client() as jr:
    for item in jr.claim("mail", 100):
        jr.complete(item)
'"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def push(place: Place, *payloads: object, delay_ms: int = 0) -> None:
    with place.write() as tx:
        queue_enqueue.enqueue(tx, "mail", [json.dumps(each) for each in payloads], delay_ms=delay_ms)


def triage(command: str = WORK, wanted: OnQueue = AT_ONCE, **fields: object) -> JobSpec:
    return job("triage", command, on_queue=wanted, **fields)


def left(place: Place) -> int:
    """Items that are not completed."""
    return int(place.value("SELECT count(*) FROM queue_items WHERE status <> 'completed'"))


def watched(place: Place, scenario: Callable[[Rig, QueueWatch], Awaitable[None]], **options: Any) -> None:
    """The scenario, given a runner that watches the queues; both end with it."""

    async def main(rig: Rig) -> None:
        watch = QueueWatch(conn=place.conn, writer=rig.writer, clock=place.clock, look=rig.runs.look)
        rig.runs.on_end = watch.on_end
        task = asyncio.create_task(watch.run())
        await scenario(rig, watch)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await rig.runs.idle()

    with_runner(place, main, **options)


def test_items_start_one_run_that_works_on_all_of_them(place: Place) -> None:
    place.apply(triage())

    async def scenario(rig: Rig, watch: QueueWatch) -> None:
        push(place, 1, 2, 3)
        watch.wake()
        await rig.until(lambda: left(place) == 0)

    watched(place, scenario)
    assert place.story() == ["ok"]
    assert place.runs()[0].trigger is Trigger.QUEUE


def test_what_is_there_when_a_runner_starts_needs_nothing_more(place: Place) -> None:
    place.apply(triage())
    push(place, 1)

    async def scenario(rig: Rig, _watch: QueueWatch) -> None:
        await rig.until_story("triage", "ok")

    watched(place, scenario)


def test_what_comes_while_a_run_is_active_starts_the_next_at_its_end(place: Place) -> None:
    place.apply(triage(f"{place.held('true')}; {WORK}"))

    async def scenario(rig: Rig, watch: QueueWatch) -> None:
        push(place, 1)
        watch.wake()
        await rig.until_story("triage", "running")
        push(place, 2)
        for _ in range(3):
            watch.wake()
            await asyncio.sleep(0)
        with place.write() as tx:
            assert queue_triggers.start(tx, "triage") is None
        (place.root / "go").touch()
        await rig.until_story("triage", "ok")
        push(place, 3)
        watch.wake()
        await rig.until_story("triage", "ok", "ok")

    watched(place, scenario)
    assert left(place) == 0


def test_one_that_leaves_items_is_followed_by_another_one(place: Place) -> None:
    one_by_one = WORK.replace("100", "1")
    place.apply(triage(one_by_one))
    push(place, 1, 2, 3)

    async def scenario(rig: Rig, _watch: QueueWatch) -> None:
        await rig.until_story("triage", "ok", "ok", "ok")

    watched(place, scenario)
    assert left(place) == 0


@pytest.mark.parametrize("delay_ms", [0, 50])
def test_the_oldest_item_waits_no_longer_than_it_may(place: Place, delay_ms: int) -> None:
    place.apply(triage(wanted=OnQueue("mail", batch=10, max_wait_ms=100)))
    push(place, 1, delay_ms=delay_ms)

    async def scenario(rig: Rig, _watch: QueueWatch) -> None:
        await rig.until_story("triage", "ok")

    watched(place, scenario)
    (run,) = place.runs()
    created = place.value("SELECT unixepoch(created_at, 'subsec') FROM queue_items")
    assert run.created_at.timestamp() >= created + (100 + delay_ms) / 1000 - 0.002


def test_a_run_that_came_to_nothing_is_followed_after_a_rest(place: Place) -> None:
    place.apply(triage("exit 1"))
    push(place, 1)

    async def scenario(rig: Rig, watch: QueueWatch) -> None:
        await rig.until_story("triage", "error")
        watch.wake()
        await rig.until_story("triage", "error", "error")

    watched(place, scenario)
    first, second = place.runs()
    assert first.finished_at is not None
    assert second.created_at >= first.finished_at + timedelta(seconds=0.99)


def test_an_item_that_is_too_deep_is_given_up_and_the_others_go_on(place: Place) -> None:
    """The job does not rest for it: it would never have another fate."""
    place.apply(triage())
    push(place, 1)
    place.conn.execute("UPDATE queue_items SET producer_run = 99, depth = 3")

    async def scenario(rig: Rig, watch: QueueWatch) -> None:
        await rig.until(lambda: place.value("SELECT status FROM queue_items") == "failed")
        push(place, 1)
        watch.wake()
        await rig.until(lambda: place.story() == ["skipped: depth", "ok"])

    watched(place, scenario, depth_limit=3)
    refused, ran = place.runs()
    assert (refused.reason, refused.depth) == ("depth", 4)
    assert ran.created_at - refused.created_at < timedelta(seconds=1)


@pytest.mark.parametrize("of", ["job", "all", "queue"])
def test_a_pause_holds_it_back_and_leaves_no_row(place: Place, of: str) -> None:
    place.apply(triage())
    with place.write() as tx:
        until = End(tx.now + timedelta(milliseconds=300), 300)
        if of == "queue":
            queue_enqueue.enqueue(tx, "mail", ["0"])
            queue_pauses.pause(tx, "mail", until=until, reason=None, by=Actor("cli"))
        else:
            overrides.pause(tx, "triage" if of == "job" else None, until=until, reason=None, by=Actor("cli"))
    push(place, 1)

    async def scenario(rig: Rig, watch: QueueWatch) -> None:
        watch.wake()
        await rig.until(lambda: left(place) == 0)

    watched(place, scenario)
    assert place.story() == ["ok"]
    assert place.runs()[0].created_at >= until.instant


def test_items_of_a_claimant_that_has_died_start_it_when_their_lease_ends(place: Place) -> None:
    place.apply(triage())
    push(place, 1)
    with place.write() as tx:
        assert queue_claims.claim(tx, "mail", lease_ms=200)

    async def scenario(rig: Rig, _watch: QueueWatch) -> None:
        await rig.until_story("triage", "ok")

    watched(place, scenario)


def test_it_follows_what_an_apply_says(place: Place) -> None:
    place.apply(job("triage", WORK))
    push(place, 1)

    async def scenario(rig: Rig, watch: QueueWatch) -> None:
        watch.on_plan(place.apply(triage()))
        await rig.until_story("triage", "ok")
        with place.write() as tx:
            rename(tx, [Rename("triage", "sort")], 1)
        watch.on_plan(["triage", "sort"])
        push(place, 2)
        watch.wake()
        await rig.until(lambda: left(place) == 0)
        watch.on_plan(place.apply(job("sort", WORK, on_queue=AT_ONCE, enabled=False)))
        push(place, 3)
        watch.wake()

    watched(place, scenario)
    assert left(place) == 1


def test_a_job_that_was_disabled_by_hand_is_not_tried_again_and_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.apply(triage(), job("other", WORK, on_queue=OnQueue("mail", batch=10, max_wait_ms=300)))
    place.conn.execute("UPDATE jobs SET enabled = 0 WHERE id = 'triage'")
    tries: list[str] = []
    start = queue_triggers.start

    def counted(tx: Tx, job_id: str) -> int | None:
        tries.append(job_id)
        return start(tx, job_id)

    monkeypatch.setattr(queue_triggers, "start", counted)

    async def scenario(rig: Rig, watch: QueueWatch) -> None:
        watch._wanted["triage"] = AT_ONCE  # as it was when it was last applied
        push(place, 1)
        watch.wake()
        await rig.until(lambda: left(place) == 0)

    watched(place, scenario)
    assert tries.count("triage") <= 2


def test_several_jobs_may_work_on_one_queue(place: Place) -> None:
    others = [job(f"triage-{n}", WORK, on_queue=AT_ONCE) for n in range(3)]
    place.apply(*others)
    push(place, 1)

    async def scenario(rig: Rig, _watch: QueueWatch) -> None:
        await rig.until(lambda: place.story() == ["ok"] * 3)

    watched(place, scenario)


def test_what_the_database_did_not_take_is_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_watch, "TRY_AGAIN", 0.01)
    place.apply(triage())
    push(place, 1)

    async def scenario(rig: Rig, _watch: QueueWatch) -> None:
        rig.writer.failing.add(Priority.START)
        await rig.until_story("triage", "ok")
        assert not rig.writer.failing

    watched(place, scenario)


def test_a_run_that_comes_at_the_same_time_is_the_one(place: Place) -> None:
    place.apply(triage(overlap_policy=OverlapPolicy.SKIP))

    async def scenario(rig: Rig, watch: QueueWatch) -> None:
        asked = rig.runs.request("triage")
        push(place, 1)
        watch.wake()
        await asked
        await rig.until(lambda: left(place) == 0)

    watched(place, scenario)
    assert sorted(place.story()) in (["ok"], ["ok", "skipped: overlap"])


def test_what_keeps_each_of_two_jobs_from_its_start_is_told_once(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(queue_watch, "TRY_AGAIN", 0.01)
    place.apply(triage(), job("other", WORK, on_queue=AT_ONCE))
    good = place.value("SELECT json_group_object(id, json(spec)) FROM jobs")
    place.conn.execute("UPDATE jobs SET spec = json_set(spec, '$.timeout_ms', 'soon')")
    push(place, 1)
    tries: list[str] = []

    async def scenario(rig: Rig, watch: QueueWatch) -> None:
        await rig.until(lambda: sum("was to start for items" in text for text in caplog.messages) >= 2)
        started = queue_triggers.start

        def counted(tx: Tx, job_id: str) -> int | None:
            tries.append(job_id)
            return started(tx, job_id=job_id)

        monkeypatch.setattr(queue_triggers, "start", counted)
        watch.wake()
        await rig.until(lambda: len(tries) >= 6)
        place.conn.execute("UPDATE jobs SET spec = ? ->> ('$.' || id)", (good,))
        watch.wake()
        await rig.until(lambda: left(place) == 0)

    watched(place, scenario)
    told = sorted(text.partition(":")[0] for text in caplog.messages if "items of its queue" in text)
    assert [text for text in told if "was to start" in text] == [
        f"{name} was to start for items of its queue" for name in ("other", "triage")
    ]
