"""Secret parameters: kept until a chain is over, and then in no file of the database any more."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.ledger import Ledger

from jeeves_runner.core.model import CancelCause, Param, Reason, Retries, RunStatus, Trigger
from jeeves_runner.core.run import Outcome
from jeeves_runner.db import run_ends, run_requests, runs, secret_params
from jeeves_runner.db.file_upkeep import CheckpointMode, checkpoint, wal_path
from jeeves_runner.db.run_ends import RunRecord
from jeeves_runner.db.run_progress import request_cancel
from jeeves_runner.db.run_requests import KnownSpec, RunRequest
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import InvalidValue

TOKEN = "hunter2-in-a-parameter"
FAILED = Outcome(status=RunStatus.ERROR, exit_code=1)
RETRIES = Retries(limit=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("a", params=(Param(name="token", secret=True), Param(name="day", default="monday")))
    return ledger


def asked(ledger: Ledger, token: str = TOKEN) -> int:
    """A request that waits."""
    with ledger.tx() as tx:
        return run_requests.request_run(tx, request(token))


def request(token: str = TOKEN) -> RunRequest:
    return RunRequest(job_id="a", trigger=Trigger.MANUAL, params={"token": token})


def started(ledger: Ledger) -> int:
    run_id = asked(ledger)
    ledger.conn.execute("UPDATE runs SET status = 'running', started_at = created_at WHERE id = ?", (run_id,))
    return run_id


def in_files(path: Path) -> int:
    """How often the files of the database hold the token. It must be closed: SQLite would lose its locks."""
    files = [path, wal_path(path)]
    return sum(file.read_bytes().count(TOKEN.encode()) for file in files if file.exists())


def test_the_row_of_a_run_tells_only_that_a_secret_was_given(ledger: Ledger) -> None:
    run_id = asked(ledger)
    run = runs.run(ledger.conn, run_id)
    assert run is not None
    assert run.params == '{"day": "monday", "token": null}'
    assert secret_params.kept(ledger.conn, run_id) == {"token": TOKEN}
    for table in ledger.conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        rows = ledger.conn.execute(f"SELECT * FROM {table[0]}").fetchall()
        assert (TOKEN in str(rows)) is (table[0] == "secret_params")


def test_a_request_that_is_refused_leaves_nothing(ledger: Ledger) -> None:
    wrong = request()._replace(params={"token": TOKEN, "dya": "x"})
    with pytest.raises(InvalidValue), ledger.tx() as tx:
        run_requests.request_run(tx, wrong)
    assert (ledger.count("runs"), ledger.count("secret_params")) == (0, 0)


def test_what_was_known_of_a_job_is_not_what_it_is_judged_by(ledger: Ledger) -> None:
    """A job that changes between the look and the request takes what it declares by then."""
    stale = KnownSpec("another hash", 0, None, (Param(name="old"),))
    with ledger.tx() as tx:
        run_requests.request_run(tx, request(), known=stale)
    with pytest.raises(InvalidValue, match="there is no parameter old"), ledger.tx() as tx:
        run_requests.request_run(tx, request()._replace(params={"old": "x"}), known=stale)


# Ends


def end_ok(tx: Tx, run_id: int) -> None:
    run_ends.end_running(tx, run_id, Outcome(status=RunStatus.OK, exit_code=0), RunRecord(), RETRIES)


def fail_for_good(tx: Tx, run_id: int) -> None:
    run_ends.end_running(tx, run_id, FAILED, RunRecord(), None)


def fail_twice(tx: Tx, run_id: int) -> None:
    run_ends.end_running(tx, run_id, FAILED, RunRecord(), RETRIES)
    retry: int = tx.conn.execute("SELECT id FROM runs WHERE chain_id = ?", (run_id,)).get
    tx.conn.execute("UPDATE runs SET status = 'running', started_at = created_at WHERE id = ?", (retry,))
    run_ends.end_running(tx, retry, FAILED, RunRecord(), RETRIES)


def fail_and_cancel_the_retry(tx: Tx, run_id: int) -> None:
    run_ends.end_running(tx, run_id, FAILED, RunRecord(), RETRIES)
    retry: int = tx.conn.execute("SELECT id FROM runs WHERE chain_id = ?", (run_id,)).get
    run_ends.end_waiting(tx, retry, RunStatus.CANCELLED, Reason.CANCEL)


def fail_while_replaced(tx: Tx, run_id: int) -> None:
    request_cancel(tx, run_id, CancelCause.REPLACED)
    run_ends.end_running(tx, run_id, FAILED, RunRecord(), RETRIES)


def fail_when_deleted(tx: Tx, run_id: int) -> None:
    tx.conn.execute("UPDATE jobs SET deleted_at = ?", (tx.at,))
    run_ends.end_running(tx, run_id, FAILED, RunRecord(), RETRIES)


@pytest.mark.parametrize(
    "end",
    [end_ok, fail_for_good, fail_twice, fail_and_cancel_the_retry, fail_while_replaced, fail_when_deleted],
)
def test_a_chain_that_is_over_leaves_no_secret(ledger: Ledger, end: Callable[[Tx, int], None]) -> None:
    run_id = started(ledger)
    other = asked(ledger, "of another run")
    with ledger.tx() as tx:
        end(tx, run_id)
    assert secret_params.kept(ledger.conn, run_id) == {}
    assert secret_params.kept(ledger.conn, other) == {"token": "of another run"}


def test_a_run_that_never_starts_leaves_no_secret(ledger: Ledger) -> None:
    run_id = asked(ledger)
    with ledger.tx() as tx:
        run_ends.end_waiting(tx, run_id, RunStatus.SKIPPED, Reason.OVERLAP)
    assert ledger.count("secret_params") == 0


def test_nor_does_one_whose_job_is_deleted(ledger: Ledger) -> None:
    asked(ledger)
    with ledger.tx() as tx:
        tx.conn.execute("UPDATE jobs SET deleted_at = ?", (tx.at,))
        run_ends.cancel_waiting_of_stopped_jobs(tx, ["a"])
    assert ledger.count("secret_params") == 0


def test_while_a_retry_is_to_come_the_secret_is_kept_for_it(ledger: Ledger) -> None:
    run_id = started(ledger)
    with ledger.tx() as tx:
        run_ends.end_running(tx, run_id, FAILED, RunRecord(), RETRIES)
        assert secret_params.erase_left(tx, 10) == 0
    assert secret_params.kept(ledger.conn, run_id) == {"token": TOKEN}


def test_what_another_program_has_left_is_found(ledger: Ledger) -> None:
    run_id, waiting = asked(ledger), asked(ledger)
    ledger.conn.execute(
        "UPDATE runs SET status = 'skipped', finished_at = created_at, end_seq = 1 WHERE id = ?", (run_id,)
    )
    with ledger.tx() as tx:
        assert secret_params.erase_left(tx, 10) == 1
        assert secret_params.erase_left(tx, 10) == 0
    assert secret_params.kept(ledger.conn, waiting) == {"token": TOKEN}


def test_a_run_that_is_deleted_takes_its_secret_along(ledger: Ledger) -> None:
    run_id = asked(ledger)
    ledger.conn.execute("DELETE FROM runs WHERE id = ?", (run_id,))
    assert ledger.count("secret_params") == 0


# Files


@pytest.fixture
def path(tmp_path: Path, ledger: Ledger) -> Iterator[Path]:
    yield tmp_path / "runner.sqlite"
    ledger.conn.close()


@pytest.mark.parametrize("length", [0, 400, 1000, 3000, 20_000])
def test_after_a_checkpoint_no_file_holds_what_was_deleted(ledger: Ledger, path: Path, length: int) -> None:
    """In whatever order they come and go, and however SQLite has moved them between pages."""
    chance = random.Random(7)
    waiting: list[int] = []
    for _ in range(150):
        waiting.append(asked(ledger, TOKEN + "x" * chance.randrange(length + 1) + TOKEN))
        if len(waiting) > 20:
            with ledger.tx() as tx:
                run_id = waiting.pop(chance.randrange(len(waiting)))
                run_ends.end_waiting(tx, run_id, RunStatus.CANCELLED, Reason.CANCEL)
    for run_id in waiting:
        with ledger.tx() as tx:
            run_ends.end_waiting(tx, run_id, RunStatus.CANCELLED, Reason.CANCEL)
    assert checkpoint(ledger.conn, CheckpointMode.TRUNCATE).complete
    ledger.conn.close()
    assert in_files(path) == 0


def test_before_it_the_log_of_writes_may_hold_it(ledger: Ledger, path: Path) -> None:
    """So that this test and the others look in the right place."""
    run_id = asked(ledger)
    with ledger.tx() as tx:
        run_ends.end_waiting(tx, run_id, RunStatus.CANCELLED, Reason.CANCEL)
    assert secret_params.erasures(ledger.conn) == 1
    log = wal_path(path).read_bytes()  # the last look at this database: it drops SQLite's locks
    assert TOKEN.encode() in log
