"""What a disturbed pipeline is held to once all letters are through: see ``support/pipeline_world.py``.

All of it is read from the database that the last server leaves, and from the files that scripts have written.
"""

import json
from collections import Counter, defaultdict
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import apsw
from support.pipeline_world import LETTERS, POISON, POISON_ATTEMPTS, RETRIES
from support.server import database

from jeeves_runner.db.connection import connect

Row = dict[str, Any]

_FAILED: Final = ("error", "timeout", "interrupted")
_FINAL: Final = ("ok", *_FAILED, "cancelled", "skipped", "missed")
_GOOD: Final = set(range(LETTERS)) - POISON.keys()
_SOURCES: Final = {
    "fetch": {"schedule"},
    "sort": {"queue"},
    "send": {"queue"},
    "index": {"change"},
    "report": {"schedule", "after"},
}


def is_done(root: Path) -> bool:
    """Whether every letter has come to its end, and what follows from that has run."""
    with closing(connect(database(root))) as conn:
        cursor = conn.execute("SELECT value FROM state WHERE namespace = 'fetch' AND key = 'cursor'").get
        open_items = conn.execute(
            "SELECT count(*) FROM queue_items WHERE status IN ('pending', 'claimed')"
        ).get
    return (
        cursor == str(LETTERS)
        and open_items == 0
        and _lines(root, "index.txt") == {str(letter) for letter in _GOOD}
        and _lines(root, "report.txt") == {str(len(_GOOD))}
    )


def finals(root: Path) -> dict[int, Row]:
    """The runs that have ended, as they stand in the database."""
    with closing(connect(database(root))) as conn:
        return {row["id"]: row for row in _runs(conn).values() if row["status"] in _FINAL}


def check_finals(before: dict[int, Row], root: Path) -> None:
    """What had ended before the last kill stands as it was."""
    now = finals(root)
    for run_id, row in before.items():
        # Occurrences of one reason that never started share a row, which counts them.
        if row["started_at"] is not None:
            assert now[run_id] == row


def check(root: Path) -> None:
    """All promises. The server has stopped."""
    with closing(connect(database(root))) as conn:
        assert conn.execute("PRAGMA integrity_check").get == "ok"
        runs = _runs(conn)
        items = {row["id"]: row for row in _rows(conn, "SELECT * FROM queue_items")}
        _check_effects(conn, items)
        _check_poison(items)
        _check_lineage(conn, items, runs)
        _check_states(runs)
        _check_chains(runs)
        _check_causes(conn, runs, items)
        _check_needs(runs)
        assert (
            conn.execute("SELECT job_id FROM queue_triggers WHERE job_id = 'send'").get is None
        )  # it rests no more


def _check_effects(conn: apsw.Connection, items: dict[int, Row]) -> None:
    """Each letter was sorted once and sent once, by the attempt that completed it."""
    for job, queue in (("sort", "inbox"), ("send", "outbox")):
        of_queue = [item for item in items.values() if item["queue_id"] == queue]
        done = [item for item in of_queue if item["status"] == "completed"]
        effects = _rows(conn, "SELECT * FROM state_items WHERE namespace = ?", job)
        assert Counter((effect["key"], effect["item_key"]) for effect in effects) == Counter(
            (f"letter-{item['payload']}", f"{item['run_id']}/{item['id']}/{item['attempt']}") for item in done
        )
        assert Counter(json.loads(item["payload"]) for item in done) == Counter(_GOOD)
        total = conn.execute("SELECT value FROM state WHERE namespace = ? AND key = 'total'", (job,)).get
        assert total == str(len(_GOOD))
    assert len(items) == LETTERS + len(_GOOD)


def _check_poison(items: dict[int, Row]) -> None:
    """What cannot be sorted is a dead letter, after as many attempts as it had."""
    dead = {json.loads(item["payload"]): item for item in items.values() if item["status"] == "failed"}
    assert dead.keys() == POISON.keys()
    for item in dead.values():
        assert (item["queue_id"], item["attempt"]) == ("inbox", POISON_ATTEMPTS)
        assert item["error"]


def _check_lineage(conn: apsw.Connection, items: dict[int, Row], runs: dict[int, Row]) -> None:
    """Each item leads to the runs that it passed, and these to what they have done."""
    way = {"inbox": ("fetch", "sort"), "outbox": ("sort", "send")}
    sorted_by: dict[str, int] = {}
    for item in items.values():
        producer, consumer = (runs[item[name]] for name in ("producer_run", "run_id"))
        assert (producer["job_id"], consumer["job_id"]) == way[item["queue_id"]]
        assert item["producer_revision"] == producer["revision_id"] is not None
        assert item["run_revision"] == consumer["revision_id"] is not None
        assert item["depth"] == producer["depth"]
        if item["queue_id"] == "inbox":
            sorted_by[item["payload"]] = consumer["id"]
    for item in items.values():
        if item["queue_id"] == "outbox":
            assert item["producer_run"] == sorted_by[item["payload"]]
    for effect in _rows(conn, "SELECT * FROM state_items"):
        assert effect["writer_run"] == int(effect["item_key"].partition("/")[0])
    counted: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for row in _rows(conn, "SELECT * FROM effects"):
        counted[row["act"], row["target"]][row["run_id"]] = row["count"]
    for queue in way:
        of_queue = [item for item in items.values() if item["queue_id"] == queue]
        completed = Counter(item["run_id"] for item in of_queue if item["status"] == "completed")
        assert counted["completed", queue] == completed
        assert counted["enqueued", queue] == Counter(item["producer_run"] for item in of_queue)
        assert all(counted["claimed", queue][run] >= count for run, count in completed.items())


def _check_states(runs: dict[int, Row]) -> None:
    """No row says what the state machine does not, and no two runs of a job were at work at once."""
    for run in runs.values():
        _check_state(run)
    times = Counter(
        (run["job_id"], run["scheduled_for"]) for run in runs.values() if run["trigger"] == "schedule"
    )
    assert [time for time, count in times.items() if count > 1] == []
    by_job: dict[str, list[Row]] = defaultdict(list)
    for run in runs.values():
        if run["started_at"] is not None:
            by_job[run["job_id"]].append(run)
    for of_job in by_job.values():
        of_job.sort(key=lambda run: str(run["started_at"]))
        for one, following in pairwise(of_job):
            assert one["finished_at"] <= following["started_at"], (one, following)


def _check_state(run: Row) -> None:
    status, started, finished = run["status"], run["started_at"], run["finished_at"]
    assert status in (*_FINAL, "scheduled"), run
    assert (finished is None) == (status == "scheduled"), run
    assert started is None or started <= finished, run
    if status in ("ok", "error", "timeout"):
        assert started is not None, run
    if status in ("scheduled", "missed", "cancelled"):
        assert started is None, run
    assert status != "ok" or run["exit_code"] == 0, run


def _check_chains(runs: dict[int, Row]) -> None:
    """Each chain has its attempts in order: what failed was tried again, up to the limit, and no more."""
    chains: dict[int, list[Row]] = defaultdict(list)
    for run in runs.values():
        chains[run["chain_id"] or run["id"]].append(run)
    for chain in chains.values():
        assert [run["attempt"] for run in chain] == list(range(1, len(chain) + 1)), chain
        assert {run["trigger"] for run in chain[1:]} <= {"retry"}, chain
        assert chain[0]["trigger"] in _SOURCES[chain[0]["job_id"]], chain
        assert {run["job_id"] for run in chain} == {chain[0]["job_id"]}
        assert all(run["status"] in _FAILED for run in chain[:-1]), chain
        assert chain[-1]["status"] not in _FAILED or len(chain) == 1 + RETRIES, chain


def _check_causes(conn: apsw.Connection, runs: dict[int, Row], items: dict[int, Row]) -> None:
    """Each run names what it follows from, and is one deeper. Each end that counts is named once."""
    for run in runs.values():
        causes = json.loads(run["caused_by"] or "{}")
        first = runs[run["chain_id"] or run["id"]]
        follows = {"change": "sort", "after": "send"}.get(first["trigger"])
        assert (run["caused_by"], run["depth"]) == (first["caused_by"], first["depth"])
        if first["trigger"] == "schedule":
            assert (causes, run["depth"]) == ({}, 0)
        if first["trigger"] == "queue":
            assert causes["queue"] == {"sort": "inbox", "send": "outbox"}[run["job_id"]]
            named = [items[item] for item in causes["items"]]
            assert {item["queue_id"] for item in named} == {causes["queue"]}
            assert run["depth"] == 1 + max(item["depth"] for item in named)
            assert any(item["run_id"] for item in named)
        if first["trigger"] == "change":
            assert causes["node"] == "datastore:sorted"
        if follows is not None:
            named = [runs[cause] for cause in causes.get("runs", [])]
            assert {cause["job_id"] for cause in named} <= {follows}
            assert run["depth"] == 1 + max((cause["depth"] for cause in named), default=-1)
    told = [run for run in runs.values() if run["trigger"] == "after"]
    consumed = Counter(cause for run in told for cause in json.loads(run["caused_by"])["runs"])
    for (text,) in conn.execute("SELECT runs FROM arrivals WHERE job_id = 'report'"):
        consumed.update(run_id for run_id, _ in json.loads(text))
    assert consumed == Counter(
        run["id"] for run in runs.values() if run["job_id"] == "send" and run["status"] == "ok"
    )


def _check_needs(runs: dict[int, Row]) -> None:
    """An occurrence of the report has run only after an index not long before it."""
    ended = [run for run in runs.values() if (run["job_id"], run["status"]) == ("index", "ok")]
    ends = [_time(run, "finished_at") for run in ended]
    for run in runs.values():
        if (run["job_id"], run["trigger"]) == ("report", "schedule") and run["started_at"] is not None:
            start = _time(run, "started_at")
            assert any(start - timedelta(seconds=70) <= end <= start for end in ends), run
        if run["reason"] == "needs":
            assert (run["job_id"], run["status"]) == ("report", "skipped")


def _time(run: Row, column: str) -> datetime:
    return datetime.fromisoformat(run[column])


def _lines(root: Path, name: str) -> set[str]:
    path = root / name
    return set(path.read_text().splitlines()) if path.exists() else set()


def _runs(conn: apsw.Connection) -> dict[int, Row]:
    return {row["id"]: row for row in _rows(conn, "SELECT * FROM runs ORDER BY id")}


def _rows(conn: apsw.Connection, sql: str, *values: str) -> list[Row]:
    cursor = conn.execute(sql, values)
    return [dict(zip((name for name, _ in cursor.getdescription()), row, strict=True)) for row in cursor]
