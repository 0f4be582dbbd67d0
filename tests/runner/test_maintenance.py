"""What has outlived its retention goes; what keeps a run from happening twice stays."""

import asyncio
import os
import threading
from datetime import timedelta
from pathlib import Path

import apsw
import pytest
from support.runs import Place, job
from support.upkeep import configured, ended, keep_house, left, logs

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.alerts.words import Cause, Said
from jeeves_runner.core.model import Keep
from jeeves_runner.db import outbox, queue_enqueue, run_retention
from jeeves_runner.db.outbox import Saying
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Writer
from jeeves_runner.runner.maintenance import Maintenance

DAY = 86_400_000


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.apply(job("old"))
    return place


def test_runs_go_after_their_retention_and_take_their_logs_along(place: Place) -> None:
    old, young = ended(place, 31, log=True), ended(place, 29, log=True)
    for run_id in (old, young):
        (logs(place) / f"{run_id}.out").write_text("what is sent of it")
    keep_house(place, "run_retention: 30d\n")
    assert left(place) == [young]
    assert {path.name for path in logs(place).iterdir()} == {f"{young}.log", f"{young}.out"}


def test_occurrences_are_kept_for_a_week_at_least(place: Place) -> None:
    ended(place, 6)
    occurrence, caught_up = ended(place, 6, "schedule"), ended(place, 6, "catch_up")
    ended(place, 8, "schedule")
    newest = ended(place, 0)
    keep_house(place, "run_retention: 1d\n")
    assert left(place) == [occurrence, caught_up, newest]


def test_a_first_attempt_stays_as_long_as_its_retry(place: Place) -> None:
    first = ended(place, 31)
    retry = ended(place, 29, "retry", chain=first)
    gone = ended(place, 40)
    ended(place, 39, "retry", chain=gone)
    newest = ended(place, 0)
    keep_house(place, "run_retention: 30d\n")
    assert left(place) == [first, retry, newest]


def test_every_job_keeps_the_last_run_that_started(place: Place) -> None:
    ended(place, 90)
    newest = ended(place, 80)
    keep_house(place, "run_retention: 30d\n")
    assert left(place) == [newest]


def test_a_run_stays_as_long_as_people_are_to_be_told_of_it(place: Place) -> None:
    told, waits = ended(place, 40), ended(place, 40)
    newest = ended(place, 0)
    with place.write() as tx:
        saying = Saying(Said.EVENT, Cause.SUCCESS, job_id="old")
        (row_id,) = outbox.put(tx, saying._replace(run_id=told), ["C0123456"])
        outbox.record_sent(tx, [row_id], None)
        (row_id,) = outbox.put(tx, saying._replace(run_id=waits), ["C0123456"])
    keep_house(place, "run_retention: 30d\n")
    assert left(place) == [waits, newest]
    with place.write() as tx:
        outbox.give_up(tx, [row_id], "the channel is down")
    keep_house(place, "run_retention: 30d\n")
    assert left(place) == [newest]


def test_a_job_may_say_how_long_its_runs_are_kept(place: Place) -> None:
    place.apply(job("long", keep=Keep(days_ms=90 * DAY)), job("short", keep=Keep(days_ms=2 * DAY)))
    place.apply(job("gone", keep=Keep(days_ms=90 * DAY)))
    place.apply(delete=("gone",))
    for name, days in (("old", 31), ("long", 91), ("short", 3), ("gone", 91)):
        ended(place, days, of=name)
    kept = [
        ended(place, days, of=name)
        for name, days in (("old", 29), ("long", 89), ("short", 1), ("gone", 89))
        for days in (days, 0)
    ]
    keep_house(place, "run_retention: 30d\n")
    assert left(place) == kept


def test_a_job_may_say_how_many_of_its_runs_are_kept(place: Place) -> None:
    """Whatever their age: what ``keep`` does not say is no limit."""
    place.apply(job("few", keep=Keep(runs=2)), job("both", keep=Keep(runs=2, days_ms=2 * DAY)))
    for name in ("few", "both"):
        for _ in range(3):
            ended(place, 1, of=name)
    kept = [ended(place, days, of="few") for days in (400, 300)]
    ended(place, 3, of="both")
    kept.append(ended(place, 1, of="both"))
    keep_house(place, "run_retention: 30d\n")
    assert left(place) == kept


def test_occurrences_are_kept_for_a_week_whatever_a_job_says(place: Place) -> None:
    place.apply(job("few", keep=Keep(runs=1, days_ms=DAY)))
    ended(place, 8, "schedule", of="few")
    kept = [ended(place, 6, "schedule", of="few"), ended(place, 0, of="few")]
    keep_house(place, "run_retention: 1d\n")
    assert left(place) == kept


def test_occurrences_of_a_job_that_keeps_its_own_time_go_by_that_time(place: Place) -> None:
    place.apply(job("long", keep=Keep(days_ms=90 * DAY)), job("short", keep=Keep(days_ms=10 * DAY)))
    ended(place, 11, "schedule", of="short")
    kept = [ended(place, 80, "schedule", of="long")]
    kept += [ended(place, 0, of="long"), ended(place, 0, of="short")]
    keep_house(place, "run_retention: 30d\n")
    assert left(place) == kept


def test_the_runs_of_a_job_whose_row_was_damaged_are_kept_until_it_is_healed(place: Place) -> None:
    run_id, newest = ended(place, 90), ended(place, 0)
    place.conn.execute("""UPDATE jobs SET spec = '{"keep": {"runs": "few"}}' WHERE id = 'old'""")
    keep_house(place, "run_retention: 30d\n")
    assert left(place) == [run_id, newest]


def test_more_than_one_bite_goes_in_one_round(place: Place) -> None:
    with place.write() as tx:
        tx.conn.executemany(
            "INSERT INTO runs (job_id, status, trigger, created_at, started_at, finished_at, end_seq)"
            " VALUES ('old', 'ok', 'manual', ?1, ?1, ?1, 1)",
            ((to_text(tx.now - timedelta(days=40)),) for _ in range(1200)),
        )
    newest = ended(place, 0)
    keep_house(place, "run_retention: 30d\n")
    assert left(place) == [newest]


def test_logs_may_go_before_their_runs(place: Place) -> None:
    run_id = ended(place, 10, log=True)
    (logs(place) / f"{run_id}.log.tail").touch()
    keep_house(place, "run_retention: 30d\nlog_retention: 7d\n")
    assert left(place) == [run_id]
    assert place.value("SELECT log_path FROM runs") is None
    assert list(logs(place).iterdir()) == []


@pytest.mark.parametrize("config", ["log_retention: 7d\n", "run_retention: 7d\n"])
def test_the_logs_of_the_original_stay_when_a_copy_forgets_them(place: Place, config: str) -> None:
    """A copy of a database names the logs of the original by their whole path."""
    first, last = (ended(place, 10, log=True) for _ in range(2))
    parts = [logs(place) / name for name in (f"{first}.log", f"{first}.log.tail", f"{last}.log")]
    parts[1].touch()
    keep_house(place, f"data_dir: staging\n{config}")
    assert [path for path in parts if not path.exists()] == []
    assert place.value("SELECT count(*) FROM runs WHERE id = ? AND log_path IS NOT NULL", first) == 0


@pytest.mark.parametrize("config", ["log_retention: 7d\n", "run_retention: 7d\n"])
@pytest.mark.parametrize("job_id", ["old", "..", "../../precious"])
def test_what_a_row_says_of_a_log_makes_nothing_else_go(place: Place, config: str, job_id: str) -> None:
    """Scripts may write the database."""
    run_id = ended(place, 10, log=True)
    ended(place, 0)
    precious = [place.root / "precious" / f"{run_id}.log", place.root / "data" / f"{run_id}.log"]
    for path in precious:
        path.parent.mkdir(exist_ok=True)
        path.write_text("precious")
        place.conn.execute("PRAGMA foreign_keys=OFF")
        place.conn.execute(
            "UPDATE runs SET log_path = ?, job_id = ? WHERE id = ?", (str(path), job_id, run_id)
        )
        keep_house(place, config)
    assert [path.read_text() for path in precious] == ["precious"] * 2


def test_a_queue_spoilt_by_hand_is_named_and_does_not_stop_the_rest(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    long_ago = from_text("2020-01-01T00:00:00.000Z")
    with place.write() as tx:
        for queue_id in ("a", "b"):
            queue_enqueue.enqueue(Tx(tx.conn, long_ago, to_text(long_ago)), queue_id, ["1"])
        tx.conn.execute("UPDATE queue_items SET status = 'completed', completed_at = created_at")
        tx.conn.execute("UPDATE queues SET retention = '{}' WHERE id = 'a'")
    keep_house(place, "run_retention: 30d\n")
    assert [queue for (queue,) in place.conn.execute("SELECT queue_id FROM queue_items")] == ["a"]
    assert "queue a was left as it is: retention of queue a does not hold" in caplog.text


def a_log(place: Place, run_id: int, days_ago: float) -> Path:
    path = logs(place) / f"{run_id}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("output")
    then = (place.clock.now() - timedelta(days=days_ago)).timestamp()
    os.utime(path, (then, then))
    return path


def test_logs_that_a_killed_runner_left_go_too(place: Place) -> None:
    known, running = ended(place, 0, log=True), ended(place, 0)
    with place.write() as tx:
        tx.conn.execute(
            "INSERT INTO runs (id, job_id, status, trigger, created_at, started_at)"
            " VALUES (77, 'old', 'running', 'manual', ?1, ?1)",
            (tx.at,),
        )
    left, forgotten = a_log(place, 900, 31), a_log(place, running, 31)
    kept = [a_log(place, 901, 29), a_log(place, known, 31), a_log(place, 77, 31)]
    foreign = logs(place) / "notes.log"
    foreign.touch()
    os.utime(foreign, (0, 0))
    keep_house(place, "run_retention: 30d\n")
    assert [path for path in (left, forgotten) if path.exists()] == []
    assert [path for path in (*kept, foreign) if not path.exists()] == []


def test_free_space_is_given_back_but_for_some(place: Place) -> None:
    with place.write() as tx:
        tx.conn.execute("CREATE TABLE gone (bytes BLOB)")
        tx.conn.execute("INSERT INTO gone VALUES (zeroblob(6000000))")
        tx.conn.execute("DROP TABLE gone")
    keep_house(place, "run_retention: 30d\n")
    assert place.conn.pragma("freelist_count") == 1_000


def test_occurrences_that_are_kept_for_a_week_are_not_read_to_find_others(place: Place) -> None:
    """A runner that runs every second has 600,000 of them."""
    plan = [
        step
        for query in (run_retention._OUTLIVED, run_retention._OUTLIVED_NO_OCCURRENCES)
        for _, _, _, step in place.conn.execute(
            f"EXPLAIN QUERY PLAN {query}", {"own": "[]", "before": "", "occurrences_before": "", "limit": 1}
        )
    ]
    looks = [step for step in plan if "finished_at" in step]
    assert len(looks) == 2
    waits = [step for step in plan if "outbox" in step]
    assert len(waits) == 2
    assert all("outbox USING INDEX outbox_of_run" in step.replace("COVERING ", "") for step in waits)
    assert "INDEX runs_finished (finished_at<?)" in looks[0]
    assert "INDEX runs_no_occurrence (finished_at>? AND finished_at<?)" in looks[1]


def test_what_a_run_has_come_to_need_is_not_deleted(place: Place) -> None:
    """Between the look and the delete."""
    first, other = ended(place, 31), ended(place, 31)
    ended(place, 0)
    week = timedelta(days=7)
    found = run_retention.outlived(
        place.conn, now=place.clock.now(), retention=week, occurrences=week, limit=10
    )
    assert found == [first, other]
    retry = ended(place, 0, "retry", chain=first)
    with place.write() as tx:
        assert run_retention.delete(tx, found) == [(other, "old")]
    assert left(place) == [first, 3, retry]


def test_a_long_look_ends_with_the_task(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = threading.Event()

    def look_for_ever(conn: apsw.Connection, **_bounds: object) -> list[int]:
        looks.set()
        conn.execute(
            "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
        ).fetchall()
        return []

    async def scene() -> None:
        async with Writer(place.path, place.clock) as writer:
            house = Maintenance(
                config=configured(place, ""),
                writer=writer,
                conn=place.conn,
                clock=place.clock,
                time_of_age=place.clock.now,
            )
            task = asyncio.create_task(house.run())
            await asyncio.to_thread(looks.wait)
            task.cancel()
            await asyncio.wait({task}, timeout=30)
            assert task.cancelled()
        place.conn.close()

    monkeypatch.setattr(run_retention, "outlived", look_for_ever)
    asyncio.run(scene())


def test_what_a_run_did_goes_with_it_in_portions(place: Place) -> None:
    old, young = ended(place, 31), ended(place, 29)
    for run_id in (old, young):
        place.conn.executemany(
            "INSERT INTO effects VALUES (?, 'wrote', 'ns' || ?, 1)", ((run_id, n) for n in range(250))
        )
        place.conn.execute("INSERT INTO run_causes VALUES (?, ?)", (old, run_id))
    keep_house(place, "run_retention: 30d\n")
    assert left(place) == [young]
    assert set(place.conn.execute("SELECT run_id, count(*) FROM effects GROUP BY run_id")) == {(young, 250)}
    assert set(place.conn.execute("SELECT cause, run_id FROM run_causes")) == {(old, young)}


def test_what_a_run_did_stays_while_the_run_is_needed(place: Place) -> None:
    run_id = ended(place, 31)  # the last one that started
    place.conn.execute("INSERT INTO effects VALUES (?, 'wrote', 'ns', 1)", (run_id,))
    with place.write() as tx:
        assert run_retention.forget_effects(tx, [run_id], 100) == 0
