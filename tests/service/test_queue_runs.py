"""``on_queue`` by a whole server, across kill -9: the effect of each item comes exactly once."""

from contextlib import closing
from pathlib import Path

import pytest
from support.server import Server, database, new_project, save, until

from jeeves_runner.client import Client
from jeeves_runner.db.connection import connect

pytestmark = pytest.mark.service

ITEMS = 60
WORK = """#!/usr/bin/env python3
import os
from pathlib import Path
from jeeves_runner.client import MISSING, Client
with Client() as jr:
    for item in jr.claim("mail", 5):
        Path("at-work").write_text(os.environ["JR_RUN_ID"])
        with jr.transaction():
            jr.set_state("effects", str(item.payload), 1, expect=MISSING)
            jr.complete(item)
"""
MANIFEST = "on_queue: {queue: mail, batch: 5, max_wait: 1s}\nscript: work.py\ntimeout: 1m\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = new_project(tmp_path)
    (root / "work.py").write_text(WORK)
    (root / "work.py").chmod(0o755)
    save(root, "triage.yaml", MANIFEST)
    return root


def done(root: Path) -> int:
    with closing(connect(database(root))) as conn:
        return int(conn.execute("SELECT count(*) FROM queue_items WHERE status = 'completed'").get)


def test_each_items_effect_comes_once_whenever_the_server_is_killed(root: Path) -> None:
    server = Server(root)
    try:
        with Client(database(root)) as jr:
            jr.enqueue_many("mail", range(ITEMS))
        for _ in range(3):
            until((root / "at-work").exists)
            server.kill()
            (root / "at-work").unlink()
            server = Server(root)
        until(lambda: done(root) == ITEMS)
    finally:
        server.stop()
    with closing(connect(database(root))) as conn:
        effects = conn.execute("SELECT count(*) FROM state WHERE namespace = 'effects'").get
        statuses = {status for (status,) in conn.execute("SELECT DISTINCT status FROM runs")}
        active = conn.execute(
            "SELECT max(n) FROM (SELECT count(*) AS n FROM runs AS one JOIN runs AS other"
            " ON other.id < one.id AND other.finished_at > one.started_at GROUP BY one.id)"
        ).get
    assert effects == ITEMS
    assert statuses <= {"ok", "interrupted"}
    assert active is None
