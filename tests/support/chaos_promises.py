"""What the chaos campaign holds the runner to once the attacks are over.

``settled`` and ``in_step`` look at the server, ``kept`` at the database that it leaves.
What a stop and a start must keep is looked at by ``chaos_world`` whenever there is one. All raise Broken.
"""

import json
from collections import Counter
from contextlib import closing
from typing import Any, Final

import apsw
from support.chaos_jobs import MANIFESTS, NAMESPACE, QUEUE, Line
from support.chaos_server import Broken, check_output
from support.chaos_world import World
from support.server import until

_PATIENCE: Final = 120.0
"""Seconds in which the work that is left must come to its end."""
_ACTIVE: Final = ("scheduled", "running")
_BY_TIME: Final = ("schedule", "catch_up")
_AFTER_A_GOOD_END: Final = ("ok", "timeout", "cancelled", "interrupted")
"""How a run may be recorded whose script has ended well: its deadline or a cancel may have come just then."""

Row = dict[str, Any]


def settled(world: World) -> None:
    """Everything works again, and what was left of the work is done.

    The server was started after the last attack, or has lived through it.
    """
    in_step(world)  # a job whose manifest has just come back can be resumed only after that
    for job in sorted(world.paused):
        _asked(world, "POST", f"/jobs/{job}/resume")
    for run in sorted(world.accepted):
        _comes(world, f"end of run {run}", lambda run=run: _run(world, run)["status"] not in _ACTIVE)
    _slots_are_free(world)
    _comes(world, "end of all items", lambda: _items_left(world) == 0)


def in_step(world: World) -> None:
    """The server answers, and what is declared is live."""
    _asked(world, "POST", "/reconcile")
    _comes(world, "in sync", lambda: _asked(world, "GET", "/sync")["state"] == "in_sync")


def kept(world: World, final: dict[int, str]) -> None:
    """The database and the ledger agree. ``final``: outcomes that were seen before, which must stand."""
    if lost := [stranger.pid for stranger in world.strangers if stranger.poll() is not None]:
        raise Broken(f"strangers were ended: {lost}")
    _comes(world, "end of all processes", lambda: not world.processes())
    for log in (*world.root.glob("serve-*.log"), *world.root.glob("*.log"), *world.disk.rglob("*.log")):
        check_output(str(log), log.read_text(errors="replace"))
    world.figures["runs executed"] = sum(line.word == "began" for line in world.ledger())
    with closing(apsw.Connection(str(world.database))) as conn:
        if (found := conn.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
            raise Broken(f"the database is damaged: {found}")
        runs = {row["id"]: row for row in _rows(conn, "SELECT * FROM runs")}
        _outcomes(world, runs, final)
        _starts(world.ledger(), runs)
        _items(world, conn)
        _state(world, conn)


def outcomes_of(world: World) -> dict[int, str]:
    """The latest final runs that the server knows."""
    runs = _asked(world, "GET", "/runs?limit=1000")["runs"]
    return {run["id"]: run["status"] for run in runs if run["status"] not in _ACTIVE}


# A server that is not attacked


def _asked(world: World, method: str, path: str) -> Any:
    answer = world.ask(method, path, _PATIENCE)
    world.see_ends()
    if answer is None or answer[0] not in (200, 202):
        raise Broken(f"{method} {path}: {answer}")
    return answer[1]


def _run(world: World, run: int) -> Any:
    return _asked(world, "GET", f"/runs/{run}?wait=10s")["run"]


def _comes(world: World, what: str, holds: Any) -> None:
    try:
        until(holds, _PATIENCE)
    except Broken:
        raise
    except AssertionError:
        raise Broken(f"it never came: {what}") from None
    world.note(f"{what}")


def _slots_are_free(world: World) -> None:
    """A pool with one place, and more runs than may run at once."""
    probes = ["probe"] * 3 + ["short"] * 8
    asked = [_asked(world, "POST", f"/jobs/{job}/run?wait=0s")["run"]["id"] for job in probes]
    for run in asked:
        _comes(world, f"probe {run}", lambda run=run: _run(world, run)["status"] not in _ACTIVE)
        if (found := _run(world, run))["status"] != "ok":
            raise Broken(f"a run that nothing is in the way of has not ended well: {found}")


def _items_left(world: World) -> int:
    status = _asked(world, "GET", f"/queues/{QUEUE}/status")
    return int(status["depth"] + status["claimed"])


# What the server leaves


def _outcomes(world: World, runs: dict[int, Row], final: dict[int, str]) -> None:
    for run, job in world.accepted.items():
        if run not in runs or runs[run]["job_id"] != job:
            raise Broken(f"run {run} of {job} was accepted, and has no row")
        if runs[run]["status"] in _ACTIVE:
            raise Broken(f"run {run} of {job} was accepted, and has not ended: {runs[run]}")
    for run, status in final.items():
        if runs[run]["status"] != status:
            raise Broken(f"run {run} was {status}, and is {runs[run]['status']}")
    if running := [run for run, row in runs.items() if row["status"] == "running"]:
        raise Broken(f"recorded as running after the stop: {running}")
    for row in runs.values():
        check_output(f"run {row['id']}", (row["stderr"] or "") + (row["message"] or ""))


def _starts(ledger: list[Line], runs: dict[int, Row]) -> None:
    began = [line for line in ledger if line.word == "began"]
    ended = {line.run for line in ledger if line.word == "ended"}
    if twice := [run for run, count in Counter(line.run for line in began).items() if count > 1]:
        raise Broken(f"runs that were executed twice: {twice}")
    first = Counter((line.job, line.scheduled_for) for line in began if line.trigger in _BY_TIME)
    if again := [occurrence for occurrence, count in first.items() if count > 1]:
        raise Broken(f"occurrences that had two first attempts: {again}")
    for line in began:
        row = runs.get(line.run)
        told = None if row is None else (row["job_id"], row["attempt"], row["trigger"])
        if told != (line.job, line.attempt, line.trigger):
            raise Broken(f"{line} is recorded as {told}")
        if (line.attempt > 1) != (line.trigger == "retry"):
            raise Broken(f"a further attempt that is no retry, or a first one that is: {line}")
    for run, row in runs.items():
        if row["status"] == "ok" and row["job_id"] in MANIFESTS and run not in ended:
            raise Broken(f"run {run} is ok, and its script has not ended well: {row}")
        if run in ended and row["status"] not in _AFTER_A_GOOD_END:
            raise Broken(f"the script of run {run} has ended well, and it is recorded otherwise: {row}")


def _items(world: World, conn: apsw.Connection) -> None:
    rows = _rows(conn, "SELECT payload, status, error FROM queue_items WHERE queue_id = ?", QUEUE)
    status = {json.loads(row["payload"]): row["status"] for row in rows}
    promised = world.promised_by_hand | _names(world, "queued")
    if lost := promised - status.keys():
        raise Broken(f"items that were acknowledged, and are lost: {sorted(lost)}")
    if len(status) != len(rows):
        raise Broken("an item is there twice")
    if undone := [name for name in _names(world, "done") if status.get(name) != "completed"]:
        raise Broken(f"items whose completion was acknowledged, and is lost: {sorted(undone)}")
    if left := [row for row in rows if row["status"] != "completed"]:
        raise Broken(f"items that were never worked on: {left}")


def _state(world: World, conn: apsw.Connection) -> None:
    kept = {
        row["item_key"]
        for row in _rows(conn, "SELECT item_key FROM state_items WHERE namespace = ?", NAMESPACE)
    }
    if lost := _names(world, "kept") - kept:
        raise Broken(f"state that was acknowledged, and is lost: {sorted(lost)}")
    completed = conn.execute("SELECT count(*) FROM queue_items WHERE status = 'completed'").get
    total = conn.execute("SELECT value FROM state WHERE namespace = ? AND key = 'total'", (NAMESPACE,)).get
    if completed != int(str(total or 0)):
        raise Broken(f"{completed} items were completed, and the count in the same transactions is {total}")


def _names(world: World, word: str) -> set[str]:
    return {line.what for line in world.ledger() if line.word == word}


def _rows(conn: apsw.Connection, sql: str, *values: str) -> list[Row]:
    cursor = conn.execute(sql, values)
    return [dict(zip((name for name, _ in cursor.getdescription()), row, strict=True)) for row in cursor]
