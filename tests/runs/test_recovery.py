"""A runner is killed in the middle of its work: the next one finds everything, and nothing runs twice."""

import asyncio
import json
import os
import signal
from collections import Counter
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from support.db import child, expect
from support.logs import log_place, ring_file
from support.runs import Place, Rig, job, running, with_runner
from support.server import until

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import CancelCause, Retries, RunStatus
from jeeves_runner.core.outcome import Lost
from jeeves_runner.db import queue_claims, queue_enqueue
from jeeves_runner.db.connection import connect
from jeeves_runner.db.lineage import Effects
from jeeves_runner.db.run_progress import request_cancel
from jeeves_runner.errors import NoServer
from jeeves_runner.execute.contract import Handle, LeftFacts
from jeeves_runner.execute.output.log_place import LogPlace
from jeeves_runner.execute.output.log_reader import LogReader
from jeeves_runner.runs.settle import left_record

pytestmark = pytest.mark.service

RUNNER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, "tests")
from support.runs import Place, running
from jeeves_runner.db.connection import connect

async def main():
    place = Place(Path(sys.argv[1]))
    async with running(place, max_concurrency=16) as rig:
        conn = connect(place.path)
        scheduler = rig.scheduler(conn)
        await scheduler.load()
        loop = asyncio.create_task(scheduler.run())
        for name in sys.argv[2:]:
            await rig.runs.request(name)
        while len(rig.executor._launcher._processes) < 3:
            await asyncio.sleep(0.01)
        print("working", flush=True)
        await loop

asyncio.run(main())
"""


def kill_a_runner_at_work(place: Place, *triggered: str, written: Path | None = None) -> None:
    """Kill it once it has started three programs, and once one of them has written to this file."""
    with child(RUNNER, place.root, *triggered) as runner:
        expect(runner, "working")
        if written is not None:
            until(written.exists)
        runner.send_signal(signal.SIGKILL)


def bearing_a_mark_of(place: Place) -> list[int]:
    """All living processes that carry the mark of one of this place's runs."""
    with closing(connect(place.path)) as conn:
        marks = [
            f"JR_RUN_MARK={mark}\0".encode() for (mark,) in conn.execute("SELECT mark FROM runs") if mark
        ]
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                environment = (folder / "environ").read_bytes()
            except OSError:
                continue
            if any(mark in environment for mark in marks):
                found.append(int(folder.name))
    return found


def test_a_killed_runners_runs_are_interrupted_and_none_of_their_processes_lives(place: Place) -> None:
    place.apply(
        job("plain", "sleep 300"),
        job("forks", "setsid sleep 300 & sleep 300 & exec sleep 300"),
        job("leaves", "(setsid sleep 300 &) ; exec sleep 300"),
    )
    kill_a_runner_at_work(place, "plain", "forks", "leaves")
    assert place.story() == ["running"] * 3
    assert len(bearing_a_mark_of(place)) >= 3
    with_runner(place, lambda rig: asyncio.sleep(0))
    assert place.story() == ["interrupted"] * 3
    assert {run.message for run in place.runs()} == {"the runner died while this ran"}
    assert bearing_a_mark_of(place) == []


def so_far(log: LogPlace) -> bytes:
    """What there is of a log by now."""
    with suppress(FileNotFoundError):
        return b"".join(LogReader(log).read())
    return b""


def test_the_logs_of_a_killed_runner_are_put_in_order_and_its_temporaries_go(place: Place) -> None:
    place.apply(
        job("loud", "#!/bin/sh\nseq 300000; exec sleep 300"),
        job("quiet", "echo hello; exec sleep 300"),
        job("other", "exec sleep 300"),
    )
    foreign = place.root / "data" / "tmp" / "run-of-somebody"
    foreign.parent.mkdir(parents=True)
    foreign.touch()
    with child(RUNNER, place.root, "loud", "quiet", "other") as runner:
        expect(runner, "working")
        loud, quiet = (log_place(place.root / "data", *run) for run in ((1, "loud"), (2, "quiet")))
        until(lambda: b"\n300000\n" in so_far(loud) and so_far(quiet) == b"hello\n")
        runner.send_signal(signal.SIGKILL)
    assert ring_file(loud).exists()
    assert len(list(foreign.parent.iterdir())) == 2
    with place.write() as tx:
        tx.conn.execute("UPDATE runs SET log_path = NULL")  # as if it had been killed before it was noted
    with_runner(place, lambda rig: asyncio.sleep(0))
    logs = place.conn.execute("SELECT job_id, log_path FROM runs WHERE log_path IS NOT NULL")
    said = {job_id: Path(str(path)).read_text() for job_id, path in logs}
    assert set(said) == {"loud", "quiet"}
    assert said["quiet"] == "hello\n"
    assert said["loud"].startswith("1\n2\n")
    assert said["loud"].endswith("\n300000\n")
    assert said["loud"].count(" bytes cut …\n") == 1
    assert not ring_file(loud).exists()
    assert list(foreign.parent.iterdir()) == [foreign]


def test_the_path_in_the_row_of_a_left_run_is_not_put_in_order(tmp_path: Path) -> None:
    precious = log_place(tmp_path / "other", 1, "left")
    precious.path.write_text("precious")
    ring_file(precious).write_text("0 10 4 4".ljust(63) + "\nring")
    place = Place(tmp_path)
    place.apply(job("left"))
    run = place.request("left")
    place.conn.execute("UPDATE runs SET log_path = ?", (str(precious),))
    assert left_record(run, str(tmp_path / "data")).log_path is None
    assert precious.path.read_text() == "precious"
    assert ring_file(precious).exists()


def sleeping(seconds: int) -> list[int]:
    """The processes of ``sleep`` for so long: what is left of a program without any environment."""
    wanted = f"sleep\0{seconds}\0".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found += [int(folder.name)] * ((folder / "cmdline").read_bytes() == wanted)
    return found


def test_a_process_that_cleared_its_environment_does_not_outlive_a_runner_killed_at_its_start(
    place: Place,
) -> None:
    """Nothing but the roster knows it: the row is written later, and the mark is gone."""
    seconds = 100_000 + os.getpid()
    place.apply(*(job(name, f"exec env -i sleep {seconds}") for name in "abc"))
    with child(RUNNER, place.root, *"abc") as runner:
        expect(runner, "working")
        until(lambda: len(sleeping(seconds)) == 3)
        runner.send_signal(signal.SIGKILL)
    with place.write() as tx:
        tx.conn.execute("UPDATE runs SET handle = NULL")
    with_runner(place, lambda rig: asyncio.sleep(0))
    assert place.story() == ["interrupted"] * 3
    assert sleeping(seconds) == []


def test_no_occurrence_starts_twice_across_kills(place: Place) -> None:
    log = place.root / "starts"
    note = f'echo "$JR_JOB_ID $JR_SCHEDULED_FOR" >> {log}; sleep 0.7'
    place.apply(*(job(f"tick{n}", note, schedule=("* * * * * *",), catch_up="all") for n in range(4)))
    for _ in range(3):
        kill_a_runner_at_work(place, written=log)
    with_runner(place, lambda rig: asyncio.sleep(0))
    starts = Counter(log.read_text().splitlines())
    assert starts
    assert set(starts.values()) == {1}
    recorded = {f"{run.job_id} {to_text(run.scheduled_for)}" for run in place.runs() if run.scheduled_for}
    assert set(starts) <= recorded
    assert not [run for run in place.runs() if run.status is RunStatus.RUNNING]


def test_an_interrupted_run_is_tried_again_only_if_declared(place: Place) -> None:
    again = Retries(limit=1, delay_ms=0, on=("interrupted",))
    place.apply(
        job("again", 'test "$JR_ATTEMPT" = 2 || exec sleep 300', retries=again),
        job("never", "sleep 300", retries=Retries(limit=1, delay_ms=0)),
        job("other", "sleep 300"),
    )
    kill_a_runner_at_work(place, "again", "never", "other")

    async def scenario(rig: Rig) -> None:
        await rig.until_story("again", "interrupted", "ok")

    with_runner(place, scenario)
    assert place.story("never") == ["interrupted"]
    first, second = place.runs("again")
    assert (second.trigger, second.attempt, second.chain_id) == ("retry", 2, first.id)


def test_items_of_an_interrupted_run_come_back_without_a_used_attempt(place: Place) -> None:
    place.apply(*(job(name, "sleep 300") for name in "abc"))
    kill_a_runner_at_work(place, *"abc")
    with place.write() as tx:
        queue_enqueue.enqueue(tx, "inbox", ["1"])
        queue_claims.claim(tx, "inbox", effects=Effects(place.runs()[0].id))
    with_runner(place, lambda rig: asyncio.sleep(0))
    assert place.conn.execute("SELECT status, attempt FROM queue_items").fetchall() == [("pending", 0)]


def test_an_occurrence_that_waited_beyond_its_window_is_missed(place: Place) -> None:
    place.apply(
        job("late", catch_up_window_ms=60_000), job("soon", catch_up_window_ms=3_600_000), job("hand")
    )
    with place.write() as tx:
        for name, trigger in (("late", "schedule"), ("soon", "catch_up"), ("hand", "manual")):
            tx.conn.execute(
                "INSERT INTO runs (job_id, status, trigger, scheduled_for, created_at)"
                " VALUES (?, 'scheduled', ?, ?, ?)",
                (name, trigger, to_text(tx.now - timedelta(minutes=10)), tx.at),
            )
    with_runner(place, lambda rig: rig.runs.idle())
    assert {run.job_id: (run.status.value, run.reason) for run in place.runs()} == {
        "late": ("missed", "late"),
        "soon": ("ok", None),
        "hand": ("ok", None),
    }


def test_a_cancel_recorded_before_the_runner_died_is_the_cause(place: Place) -> None:
    place.apply(*(job(name, "sleep 300") for name in "abc"))
    kill_a_runner_at_work(place, *"abc")
    with place.write() as tx:
        tx.conn.execute(
            "UPDATE runs SET cancel_cause = 'cancel', cancel_requested_at = ? WHERE job_id = 'a'", (tx.at,)
        )
    with_runner(place, lambda rig: asyncio.sleep(0))
    assert place.story("a") == ["cancelled"]
    assert place.story("b") == ["interrupted"]


def test_settling_comes_before_the_first_admission(place: Place) -> None:
    place.apply(job("exclusive", "sleep 300"), job("b", "sleep 300"), job("c", "sleep 300"))
    kill_a_runner_at_work(place, "exclusive", "b", "c")
    left = bearing_a_mark_of(place)

    async def main() -> None:
        async with running(place, started=False) as rig:
            with pytest.raises(Exception, match="not taking runs"):
                await rig.runs.request("exclusive")
            await rig.runs.start_up()
            assert not set(left) & set(bearing_a_mark_of(place))
            run = await rig.runs.request("exclusive")
            assert run.status is RunStatus.RUNNING

    asyncio.run(main())
    assert json.dumps(left) != "[]"
    assert os.getpid() not in left


def test_nothing_is_admitted_while_leftovers_are_being_settled(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.apply(job("left"), job("next"))
    place.request("left")
    with place.write() as tx:
        tx.conn.execute("UPDATE runs SET status = 'running', started_at = ?, mark = 'none'", (tx.at,))

    async def main() -> None:
        async with running(place, started=False) as rig:
            recover = rig.executor.recover
            settling, go_on = asyncio.Event(), asyncio.Event()

            async def recover_later(left: LeftFacts, handle: Handle | None) -> Handle | Lost:
                settling.set()
                await go_on.wait()
                return await recover(left, handle)

            monkeypatch.setattr(rig.executor, "recover", recover_later)
            starting = asyncio.create_task(rig.runs.start_up())
            await settling.wait()
            with pytest.raises(NoServer):
                await rig.runs.request("next")
            go_on.set()
            await starting
            await rig.finish("next")

    asyncio.run(main())
    assert [(run.job_id, run.status) for run in place.runs()] == [("left", "interrupted"), ("next", "ok")]


@pytest.mark.parametrize("decided", [False, True], ids=["not seen", "told to wait"])
def test_what_waits_and_was_asked_to_end_does_not_start_after_a_restart(place: Place, decided: bool) -> None:
    place.apply(job("wait"))
    waiting = place.request("wait")
    with place.write() as tx:
        tx.conn.execute("UPDATE runs SET epoch = ?", (1 if decided else None,))
        request_cancel(tx, waiting.id, CancelCause.CANCEL)
    with_runner(place, lambda rig: rig.runs.idle())
    assert place.story() == ["cancelled: cancel"]
