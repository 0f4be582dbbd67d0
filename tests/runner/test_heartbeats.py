"""Heartbeats are called when something has ended well, and not when something else has."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.ledger import Ledger
from support.outbox import eventually
from support.receiver import Receiver, receiver

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import Secret
from jeeves_runner.db.heartbeats import Beat, beats_since
from jeeves_runner.db.writer import Writer
from jeeves_runner.notify.heartbeat import failure_of
from jeeves_runner.notify.token import Place, Token
from jeeves_runner.reconcile.sync_status import SyncStatus
from jeeves_runner.runner import heartbeats
from jeeves_runner.runner.heartbeats import JobHeartbeats, RunnerHeartbeat


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("a", heartbeat="https://x.example/a")
    ledger.add_job("b")
    yield ledger
    ledger.conn.close()


@pytest.mark.parametrize(
    ("run", "is_well"),
    [
        ({"status": "ok"}, True),
        ({"status": "error"}, False),
        ({"status": "timeout"}, False),
        ({"status": "interrupted"}, False),
        ({"status": "skipped", "reason": "precheck"}, True),
        ({"status": "skipped", "reason": "exit_code"}, True),
        ({"status": "skipped", "reason": "overlap"}, None),
        ({"status": "skipped", "reason": "paused"}, None),
        ({"status": "skipped", "reason": "needs"}, None),
        ({"status": "missed", "reason": "late"}, None),
        ({"status": "cancelled"}, None),
        ({"status": "ok", "trigger": "backfill"}, None),
        ({"status": "ok", "end_seq": 3}, None),
        ({"status": "ok", "end_seq": 10}, None),
    ],
)
def test_ends_that_say_how_the_job_is_are_told(
    ledger: Ledger, run: dict[str, Any], is_well: bool | None
) -> None:
    ledger.add_run("a", **{"end_seq": 4, **run})
    ledger.add_run("b", end_seq=5)
    beat = Beat("a", "https://x.example/a", bool(is_well), 4, ledger.at(seconds=59), is_left=False)
    assert beats_since(ledger.conn, 3, 9) == ([] if is_well is None else [beat])


def test_a_retry_of_what_makes_up_for_the_past_is_not_told(ledger: Ledger) -> None:
    first = ledger.add_run("a", "error", trigger="backfill", end_seq=4)
    ledger.add_run("a", "ok", trigger="retry", chain_id=first, attempt=2, end_seq=5)
    assert beats_since(ledger.conn, 3, 9) == []


def test_an_attempt_that_is_followed_by_another_one_is_no_end(ledger: Ledger) -> None:
    first = ledger.add_run("a", "error", end_seq=4)
    ledger.add_run("a", "scheduled", attempt=2, chain_id=first)
    assert beats_since(ledger.conn, 3, 9) == []


def test_a_retry_that_is_skipped_leaves_the_failure_before_it(ledger: Ledger) -> None:
    first = ledger.add_run("a", "error", end_seq=4)
    ledger.add_run("a", "skipped", attempt=2, chain_id=first, reason="token_budget", end_seq=5)
    assert beats_since(ledger.conn, 4, 9) == [
        Beat("a", "https://x.example/a", False, 5, ledger.at(seconds=59), is_left=False)
    ]


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("https://hc-ping.com/uuid", "https://hc-ping.com/uuid/fail"),
        ("https://hc-ping.com/uuid/", "https://hc-ping.com/uuid/fail"),
        ("https://hc-ping.com/uuid?rid=1", "https://hc-ping.com/uuid/fail?rid=1"),
    ],
)
def test_a_failure_has_an_address_of_its_own(url: str, failure: str) -> None:
    assert failure_of(url) == failure


@pytest.fixture
def found() -> Iterator[Receiver]:
    with receiver() as one:
        one.status = 200
        yield one


@asynccontextmanager
async def calling(ledger: Ledger, **more: Any) -> AsyncIterator[JobHeartbeats]:
    """What calls the heartbeats of the jobs, for the length of the block."""
    async with Writer(ledger.path, ledger.clock) as writer:
        beats = JobHeartbeats(conn=ledger.conn, writer=writer, clock=ledger.clock, **{"root": Path(), **more})
        running = asyncio.create_task(beats.run())
        try:
            yield beats
        finally:
            running.cancel()
            await asyncio.wait([running])


def end(ledger: Ledger, job_id: str, status: str, end_seq: int, **columns: Any) -> None:
    """A run of it ends now."""
    ledger.add_run(job_id, status, end_seq=end_seq, finished_at=to_text(ledger.now), **columns)
    with ledger.tx() as tx:
        tx.conn.execute("UPDATE sequences SET value = ? WHERE name = 'run_ends'", (end_seq,))


def noted(ledger: Ledger) -> int | None:
    row = ledger.conn.execute("SELECT value FROM sequences WHERE name = 'heartbeats_told'").fetchone()
    return None if row is None else int(row[0])


def test_jobs_are_told_of_with_addresses_in_files_and_variables(
    ledger: Ledger, found: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "beat").write_text(found.url + "-of-file\n")
    ledger.add_job("in-file", heartbeat=Secret("file", "beat"))
    ledger.add_job("in-variable", heartbeat=Secret("from_env", "BEAT"))

    async def play() -> None:
        async with calling(ledger, root=tmp_path, environment={"BEAT": found.url + "-of-env"}) as beats:
            end(ledger, "in-file", "ok", 2)
            end(ledger, "in-variable", "error", 3)
            beats.wake()
            await eventually(lambda: len(found.paths) == 2)

    asyncio.run(play())
    assert sorted(found.paths) == ["/secret-path-of-env/fail", "/secret-path-of-file"]


def test_one_that_cannot_be_called_is_tried_again_and_dropped_after_a_minute(
    ledger: Ledger, found: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(heartbeats, "_AGAIN", 0.001)
    found.status = 500
    ledger.add_job("a", heartbeat=found.url)

    async def play() -> None:
        async with calling(ledger) as beats:
            end(ledger, "a", "ok", 2)
            beats.wake()
            await eventually(lambda: len(found.paths) > 3)
            ledger.clock.advance(minutes=1)
            await eventually(lambda: not beats._calls)

    asyncio.run(play())
    assert "the heartbeat of a is not called: it answers 500" in caplog.text
    assert "secret-path" not in caplog.text


def test_one_whose_turn_comes_after_a_minute_is_dropped(ledger: Ledger, found: Receiver) -> None:
    ledger.add_job("a", heartbeat=found.url)

    async def play() -> None:
        async with calling(ledger) as beats:
            for _ in range(heartbeats._AT_ONCE):
                await beats._places.acquire()
            end(ledger, "a", "error", 2)
            beats.wake()
            await eventually(lambda: beats._calls)
            ledger.clock.advance(seconds=59)
            end(ledger, "a", "ok", 3)
            beats.wake()
            await eventually(lambda: beats._seen == 3)
            ledger.clock.advance(seconds=59)
            beats._places.release()
            await eventually(lambda: not beats._calls)
            await beats._places.acquire()
            end(ledger, "a", "ok", 4)
            beats.wake()
            await eventually(lambda: beats._calls)
            ledger.clock.advance(minutes=1)
            beats._places.release()
            await eventually(lambda: not beats._calls)

    asyncio.run(play())
    assert found.paths == ["/secret-path"], "of two the newer one, and none that is older than a minute"


def test_an_address_that_is_none_is_said_in_the_log(
    ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "beat").write_text("http://[::1\n")
    ledger.add_job("a", heartbeat=Secret("file", "beat"))

    async def play() -> None:
        async with calling(ledger, root=tmp_path) as beats:
            end(ledger, "a", "error", 2)
            beats.wake()
            await eventually(lambda: beats._seen == 2 and not beats._calls)

    asyncio.run(play())
    assert "the heartbeat of a is not called: it is no URL that can be called; correct it" in caplog.text


def test_a_failure_that_could_not_be_told_is_not_told_after_the_success_that_came_next(
    ledger: Ledger, found: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeats, "_AGAIN", 1.0)
    monkeypatch.setattr(heartbeats, "_BREATH", 0.001)
    found.status = 500
    ledger.add_job("a", heartbeat=found.url)

    async def play() -> None:
        async with calling(ledger) as beats:
            end(ledger, "a", "error", 2)
            beats.wake()
            await eventually(lambda: beats._troubles)  # it was called, and has its answer
            found.status = 200
            end(ledger, "a", "ok", 3)
            beats.wake()
            await eventually(lambda: not beats._calls)

    asyncio.run(play())
    assert found.paths == ["/secret-path/fail", "/secret-path"]


def test_what_ended_after_the_last_runner_looked_is_told_by_the_next_one_and_once(
    ledger: Ledger, found: Receiver
) -> None:
    for job_id in ("a", "old"):
        ledger.add_job(job_id, heartbeat=f"{found.url}-{job_id}")
    end(ledger, "old", "error", 2)
    ledger.clock.advance(seconds=61)
    end(ledger, "a", "error", 3)

    async def play() -> None:
        for _ in range(2):
            async with calling(ledger):
                await eventually(lambda: found.paths)
                await eventually(lambda: noted(ledger) == 3)
        end(ledger, "a", "ok", 4)
        async with calling(ledger):
            await eventually(lambda: noted(ledger) == 4)

    asyncio.run(play())
    assert found.paths == ["/secret-path-a/fail", "/secret-path-a"]


@pytest.mark.parametrize(("ago", "is_told"), [(59, True), (61, False)])
def test_what_died_with_its_runner_is_as_old_as_that(
    ledger: Ledger, found: Receiver, ago: float, is_told: bool
) -> None:
    ledger.add_job("a", heartbeat=found.url)
    ledger.add_job("b", heartbeat=found.url)
    ledger.conn.execute(
        "INSERT INTO runner (only, epoch, pid, boot_id, started_at) VALUES (1, 2, 7, 'x', ?)",
        (to_text(ledger.now),),
    )
    end(ledger, "a", "interrupted", 2, epoch=1)
    end(ledger, "b", "ok", 3, epoch=2)

    async def play() -> None:
        async with calling(ledger, died_at=ledger.at(seconds=ago)):
            await eventually(lambda: noted(ledger) == 3)

    asyncio.run(play())
    assert sorted(found.paths) == ["/secret-path", "/secret-path/fail"][: 1 + is_told]


def test_what_could_not_be_called_before_a_stop_is_called_by_the_next_runner(
    ledger: Ledger, found: Receiver
) -> None:
    found.status = 500
    ledger.add_job("a", heartbeat=found.url)
    ledger.add_job("b", heartbeat=f"{found.url}-b")

    async def play() -> None:
        async with calling(ledger) as beats:
            end(ledger, "a", "error", 2)
            beats.wake()
            await eventually(lambda: beats._troubles)  # it was called, and has its answer
            found.status = 200
            end(ledger, "b", "ok", 3)
            beats.wake()
            await eventually(lambda: noted(ledger) == 1)
        async with calling(ledger):
            await eventually(lambda: noted(ledger) == 3)

    asyncio.run(play())
    assert found.paths.count("/secret-path/fail") == 2


def test_the_runner_is_alive_only_while_it_can_look_and_write_and_has_room(
    ledger: Ledger, found: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    status = SyncStatus(state="held")
    shortage: str | None = None

    async def play() -> None:
        nonlocal status, shortage
        async with Writer(ledger.path, ledger.clock) as writer:
            url = Token(Place("heartbeat.url", None, text=found.url), {})
            beat = RunnerHeartbeat(
                url,
                0.001,
                writer=writer,
                clock=ledger.clock,
                sync=lambda: status,
                shortage=lambda: shortage,
            )
            running = asyncio.create_task(beat.run())
            await eventually(lambda: len(found.paths) >= 3)
            status = SyncStatus(state="error", reason="jobs.d is missing")
            await eventually(lambda: beat._trouble.lasts)
            seen = len(found.paths)
            await eventually(lambda: not writer.busy_since)
            status = SyncStatus(state="in_sync")
            await eventually(lambda: len(found.paths) > seen)
            shortage = "less than 256MiB is free where /data is"
            await eventually(lambda: f"is not called: no run starts: {shortage}" in caplog.text)
            running.cancel()

    asyncio.run(play())


def test_a_call_that_is_lost_is_made_up_for_before_the_next_one_is_due(
    ledger: Ledger, found: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeats, "_RETRY", 0.001)
    found.status = 500

    async def play() -> None:
        async with Writer(ledger.path, ledger.clock) as writer:
            url = Token(Place("heartbeat.url", None, text=found.url), {})
            beat = RunnerHeartbeat(
                url,
                3_600,
                writer=writer,
                clock=ledger.clock,
                sync=lambda: SyncStatus(state="in_sync"),
                shortage=lambda: None,
            )
            running = asyncio.create_task(beat.run())
            async with asyncio.timeout(20):
                await eventually(lambda: beat._trouble.lasts)
                found.status = 200
                await eventually(lambda: not beat._trouble.lasts)
            running.cancel()

    asyncio.run(play())
