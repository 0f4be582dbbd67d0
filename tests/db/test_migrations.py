"""Schemas that have been shipped stay as they were: a change is a new migration, which leads from them."""

from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import apsw
from support.clock import HandClock

from jeeves_runner.clock import to_text
from jeeves_runner.core.origin import Actor
from jeeves_runner.db.connection import APPLICATION_ID, connect
from jeeves_runner.db.lineage import Effects
from jeeves_runner.db.lineage_list import effects_of
from jeeves_runner.db.migrate import migrate, migrations
from jeeves_runner.db.queue_enqueue import enqueue as enqueue_items
from jeeves_runner.db.queue_purge import purge
from jeeves_runner.db.transaction import transaction

SHIPPED = {
    1: "5ed8ab24e64cd4e4f0f8e0af14f0c8422683e33c825d96fc23987e20a4100b5d",
    2: "bce0b209a255f5f2493ef98205b89ea5255c45f40ec6a7010db338a0a619f658",
    3: "22770d774c7a4718648ddf987d011941a5491d91cdcfb04502bebabf49f51d02",
    4: "903591b7ba69da5f7d404184df4571fa358ea690e11e65951e02528d04b43a12",
    5: "b6e2b0fff7a4ab6217e204114ab6791c39dfec1242b815a1f68cefa85956dc02",
    6: "7d1ace016c7c6fedc32eb71ec4888b262cbed01e9e5ee6d15d1471da550c6006",
    7: "d4fcd0ce3cf02309cdd9eff5f8379cfa4519b00df553e272c55c3cbd2e70af71",
    8: "1a4538f08413ed613389d3bc826280a48a73a76a10c01465804115e884ada92c",
    9: "a7569a68045ec240f6696bd4c60ffdd8e133bd894d4fe4a4a8bde629d16630cb",
    10: "a4424d7ef07f2679bd1b0c1678c6ed28410952af726d5b559769c69b43f1e711",
    11: "35527ea30abf33fee2a2af62359e5ff8a92f9fe6fcb62c4aaf37e302ec834ab2",
    12: "ad0d12f97e4beac43a6b028c06fa476f03be5d13378e37ac467fa39e1139acfb",
    13: "fb094f94bf6c6c24a855cf99355191056b7e35c46527c79ee0068c7f4d697ba0",
    14: "f660dd9365633fe29169b97686927b67ad788f76805617550f54c5ec846bc171",
    15: "8224206a1b3d357f35a67a85973a9d2b6b401e7173f52ad5ec6a5230a8010893",
    16: "93c173e27a87a47d767d9cf6a990e86efd54e49c55ef456ea78ccbf49f1f33a3",
    17: "0d7dbde98ff03a2a146db4d378783ba63e52e45cf0b4ed5c1f7fb19f721f4644",
    18: "ac7a58c7e54c539c062e3f65b29b85431bf388964b1b6bb348932e585cc3d0c2",
    19: "2d9822139cced4cb34055f871a0c696924268348706c0bb66ef404d97ed9db04",
    20: "306b9c87b7726a1d8fb5cbd324a14493d51b548962a37b48bc8dbe663503c443",
    21: "dc8249ea7ef82a8ad1819b59174195d968688c31eb395dfe472fd575bfa1b4f1",
    22: "866cf10bde2a06b5e6bc0ef8b29032eabf310f2e70c550b08b22196e6b499d9f",
    23: "0f379b94835c00eb8979ebb1f4f58094a2a48c06e971d108e12710401ed9e961",
}
"""By version, the SHA-256 of each migration. One that stands here is never edited: databases have it."""


def test_no_migration_is_edited_once_it_is_listed() -> None:
    found = {step.version: sha256(step.sql.encode()).hexdigest() for step in migrations()}
    assert found == SHIPPED


def test_every_schema_before_leads_to_the_one_of_a_new_database(tmp_path: Path) -> None:
    steps = migrations()
    with_all = connect(tmp_path / "new.sqlite", create=True)
    for last in range(1, len(steps) + 1):
        conn = apsw.Connection(str(tmp_path / f"before-{last}.sqlite"))
        migrate(conn, HandClock(), application_id=APPLICATION_ID, steps=steps[:last])
        migrate(conn, HandClock(), application_id=APPLICATION_ID)
        assert list(_schema(conn)) == list(_schema(with_all))


def _schema(conn: apsw.Connection) -> Iterator[str]:
    """What there is, and as what; of rebuilt tables the columns count, not the text that made them."""
    for name, kind in conn.execute("SELECT name, type FROM sqlite_schema ORDER BY type, name").fetchall():
        columns = conn.execute(f"SELECT name, type, pk FROM pragma_table_xinfo('{name}')").fetchall()
        yield f"{kind} {name}: {sorted(columns)}"


def test_runs_that_wait_keep_what_they_were_given(tmp_path: Path) -> None:
    conn = apsw.Connection(str(tmp_path / "runner.sqlite"))
    before = [step for step in migrations() if step.version < 9]
    migrate(conn, HandClock(), application_id=APPLICATION_ID, steps=before)
    _insert_job(conn)
    for params in ('{"day": "monday", "n": "1"}', None, "no json"):
        _insert(conn, "runs", job_id="a", status="scheduled", trigger="manual", params=params)
    migrate(conn, HandClock(), application_id=APPLICATION_ID)
    given = conn.execute("SELECT given_params FROM runs ORDER BY id").fetchall()
    assert given == [('["day","n"]',), (None,), (None,)]


def _insert_job(conn: apsw.Connection) -> None:
    _insert(conn, "revisions", applied_by="cli", changes="[]", held="[]")
    _insert(
        conn,
        "jobs",
        id="a",
        type="script",
        overlap_policy="skip",
        source_type="path",
        spec="{}",
        revision_id=1,
    )


def _insert(conn: apsw.Connection, table: str, **values: object) -> None:
    """A row with these values, and something in each other column that needs it."""
    needed = conn.execute(
        f"SELECT name, type FROM pragma_table_info('{table}') WHERE \"notnull\" AND dflt_value IS NULL"
    ).fetchall()
    row = {str(name): "" if kind == "TEXT" else 0 for name, kind in needed} | values
    places = ", ".join("?" for _ in row)
    conn.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", tuple(row.values()))


def test_what_a_program_of_the_version_before_does_is_counted_once(tmp_path: Path) -> None:
    """It has the database open while a newer one migrates it, and goes on: what its run does is counted call
    by call, also by newer programs."""
    path, clock = tmp_path / "runner.sqlite", HandClock()
    old = apsw.Connection(str(path))
    old.execute("PRAGMA journal_mode = WAL")
    before = [step for step in migrations() if step.version < 22]
    migrate(old, clock, application_id=APPLICATION_ID, steps=before)
    _insert_job(old)
    _insert(old, "runs", job_id="a", status="running", trigger="manual", started_at=to_text(clock.time))
    _insert(old, "queues", id="mail", **_QUEUE)
    item = {"queue_id": "mail", "payload": "1", "status": "pending", "max_attempts": 3, "producer_run": 1}
    _insert(old, "queue_items", **item)
    old.execute("INSERT INTO effects VALUES (1, 'enqueued', 'mail', 1)")
    conn = connect(path, create=True)
    _insert(old, "queue_items", **item)
    old.execute("UPDATE effects SET count = count + 1 WHERE run_id = 1")
    with closing(conn), transaction(conn, clock) as tx:
        effects = Effects(1)
        enqueue_items(tx, "mail", ["1"], effects=effects)
        effects.write(tx)
        expected = [{"act": "enqueued", "target": "mail", "count": 3}]
        assert effects_of(conn, 1) == expected
        assert purge(tx, "mail", "pending", newest=3, by=Actor("test")) == 3
        assert effects_of(conn, 1) == expected
        conn.execute("UPDATE runs SET status = 'ok', finished_at = started_at, end_seq = 1")
        assert effects_of(conn, 1) == expected
    old.close()


_QUEUE = {
    "max_attempts": 3,
    "retention": '{"completed_ms": 1, "failed_ms": 1}',
    "backoff": '{"delay_ms": 0, "factor": 2.0, "max_delay_ms": 1}',
}
