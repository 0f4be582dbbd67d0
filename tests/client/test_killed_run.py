"""A script that is killed between any two instructions: what it has done is counted, no more and no less."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.ledger import Ledger

from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.run import Outcome
from jeeves_runner.db import lineage_list
from jeeves_runner.db.run_ends import RunRecord, end_running

SCRIPT = """
from jeeves_runner.client import Client
with Client() as jr:
    while True:
        jr.enqueue_many("mail", [1, 2])
        print("enqueued", flush=True)
        first, second = jr.claim("mail", 2)
        print("claimed", flush=True)
        jr.complete(first)
        print("completed", flush=True)
        jr.fail(second, "broken", retry_in="1d")
        print("failed", flush=True)
"""
EACH = {"enqueued": 2, "claimed": 2, "completed": 1, "failed": 1}
"""How many items each line of the script stands for."""


def told(ledger: Ledger, run: int) -> Counter[str]:
    return Counter({each["act"]: each["count"] for each in lineage_list.effects_of(ledger.conn, run)})


@pytest.mark.parametrize("lines", [1, 2, 3, 4, 30])
def test_what_a_killed_run_has_done_is_counted(tmp_path: Path, lines: int) -> None:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("work")
    run = ledger.add_run("work", "running")
    env = {**os.environ, "JR_DB_PATH": str(ledger.path), "JR_RUN_ID": str(run)}
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        said += process.stdout.readlines()
    done = Counter(line.strip() for line in said)
    counts = Counter({act: each * done[act] for act, each in EACH.items()})
    # The last call may have been committed, and not said.
    [following] = [act for act in EACH if done[act] < done["enqueued"]][:1] or ["enqueued"]
    also = counts + Counter({following: EACH[following]})
    found = told(ledger, run)
    assert found in (+counts, +also)
    with ledger.tx() as tx:
        end_running(tx, run, Outcome(RunStatus.ERROR), RunRecord(), None)
    assert told(ledger, run) == found
    ledger.conn.close()
