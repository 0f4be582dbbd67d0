"""Transactions, snapshots and migrations: what they promise, also when something goes wrong."""

from contextlib import closing
from datetime import datetime
from pathlib import Path

import apsw
import pytest
from support.db import CLOCK, locked_by_another, note, notes, tell

from jeeves_runner.db.connection import APPLICATION_ID, SCHEMA_VERSION, connect, snapshot, transaction
from jeeves_runner.db.migrate import Migration, migrate, migrations
from jeeves_runner.errors import DatabaseBusy, DatabaseError

PAUSE_A_GHOST = (
    "INSERT INTO overrides (job_id, kind, created_by, created_at) VALUES ('ghost', 'pause', 'me', '')"
)

QUEUE_OF_REVISION_7 = """
INSERT INTO queues
  (id, retention, max_attempts, lease_ms, backoff, declared, revision_id, created_at, updated_at)
VALUES ('mail', '{}', 1, 1, '{}', 1, 7, '', '')
"""


class TestTransaction:
    def test_commits_at_the_end(self, path: Path) -> None:
        with closing(connect(path)) as conn, closing(connect(path)) as other:
            with transaction(conn, CLOCK) as tx:
                note(tx, "a")
                assert notes(other) == []
            assert notes(other) == ["a"]

    def test_rolls_back_when_the_block_raises(self, path: Path) -> None:
        with closing(connect(path)) as conn:
            with pytest.raises(KeyboardInterrupt):
                self.interrupted(conn)
            assert notes(conn) == []
            assert not conn.in_transaction

    @staticmethod
    def interrupted(conn: apsw.Connection) -> None:
        with transaction(conn, CLOCK) as tx:
            note(tx)
            raise KeyboardInterrupt

    def test_has_one_time_as_value_and_text(self, path: Path) -> None:
        with closing(connect(path)) as conn, transaction(conn, CLOCK) as tx:
            assert datetime.fromisoformat(tx.at) == tx.now
            assert tx.at.endswith("Z")

    @pytest.mark.parametrize(("durable", "synchronous"), [(True, 2), (False, 1)])
    def test_chooses_durability(self, path: Path, durable: bool, synchronous: int) -> None:
        with closing(connect(path)) as conn, transaction(conn, CLOCK, durable=durable) as tx:
            assert tx.conn.pragma("synchronous") == synchronous

    def test_gives_up_when_another_process_keeps_the_lock(self, path: Path) -> None:
        with (
            closing(connect(path, patient=False)) as conn,
            locked_by_another(path),
            pytest.raises(DatabaseBusy, match="locked by another process"),
            transaction(conn, CLOCK, patience=0.1),
        ):
            pytest.fail("the lock is not ours")

    def test_waits_for_another_process(self, path: Path) -> None:
        with closing(connect(path, patient=False)) as conn, locked_by_another(path) as holder:
            with pytest.raises(DatabaseBusy), transaction(conn, CLOCK, patience=0):
                pytest.fail("the lock is not ours")
            tell(holder)
            with transaction(conn, CLOCK, patience=30) as tx:
                note(tx, "a")
            assert notes(conn) == ["a"]

    def test_a_full_disk_is_said_in_our_words_and_keeps_nothing(self, path: Path) -> None:
        with closing(connect(path)) as conn:
            conn.pragma("max_page_count", conn.pragma("page_count") + 10)
            with pytest.raises(DatabaseError, match="disk is full"), transaction(conn, CLOCK) as tx:
                note(tx, "x" * 1_000_000)
            assert notes(conn) == []
            assert not conn.in_transaction

    def test_faults_of_the_statement_stay_what_they_are(self, path: Path) -> None:
        with closing(connect(path)) as conn, pytest.raises(apsw.SQLError), transaction(conn, CLOCK) as tx:
            tx.conn.execute("SELECT * FROM nowhere")

    def test_foreign_keys_hold(self, path: Path) -> None:
        with (
            closing(connect(path)) as conn,
            pytest.raises(apsw.ConstraintError),
            transaction(conn, CLOCK) as tx,
        ):
            tx.conn.execute(PAUSE_A_GHOST)


class TestSnapshot:
    def test_sees_one_state(self, path: Path) -> None:
        with closing(connect(path)) as conn, closing(connect(path)) as other:
            with snapshot(conn):
                assert notes(conn) == []
                with transaction(other, CLOCK) as tx:
                    note(tx, "a")
                assert notes(conn) == []
            assert notes(conn) == ["a"]

    def test_inside_a_transaction_sees_that_transaction_and_does_not_end_it(self, path: Path) -> None:
        with closing(connect(path)) as conn:
            with transaction(conn, CLOCK) as tx:
                note(tx, "a")
                with snapshot(conn):
                    assert notes(conn) == ["a"]
            assert notes(conn) == ["a"]


class TestMigrations:
    def test_are_numbered_without_gaps_up_to_the_version_of_the_program(self) -> None:
        assert [step.version for step in migrations()] == list(range(1, SCHEMA_VERSION + 1))

    def test_do_not_end_the_transaction_they_run_in(self) -> None:
        with closing(apsw.Connection(":memory:")) as conn:
            conn.execute("BEGIN")
            for step in migrations():
                conn.execute(step.sql)
                assert conn.in_transaction, step.name

    def test_keep_a_copy_of_the_old_state(self, path: Path) -> None:
        version = SCHEMA_VERSION + 1
        with closing(connect(path)) as conn:
            with transaction(conn, CLOCK) as tx:
                note(tx, "a")
            run_steps(conn, Migration(version, "drop", "DROP TABLE audit"))
            assert conn.pragma("user_version") == version
        backup = path.with_name(f"runner.sqlite.before-v{version}.bak")
        with closing(connect(backup)) as conn:
            assert notes(conn) == ["a"]
        assert not list(path.parent.glob("*.partial*"))

    def test_all_fail_together_and_leave_the_database_as_it_was(self, path: Path) -> None:
        good = Migration(SCHEMA_VERSION + 1, "good", "CREATE TABLE extra (x TEXT) STRICT")
        bad = Migration(SCHEMA_VERSION + 2, "bad", "CREATE TABLE jobs (x TEXT) STRICT")
        with closing(connect(path)) as conn:
            with pytest.raises(apsw.SQLError):
                run_steps(conn, good, bad)
            assert conn.pragma("user_version") == SCHEMA_VERSION
            assert conn.pragma("foreign_keys") == 1
            assert conn.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'").get == 0
            assert conn.execute("SELECT max(version) FROM migrations").get == SCHEMA_VERSION

    def test_may_rebuild_a_table_others_refer_to(self, path: Path) -> None:
        rebuild = """
            CREATE TABLE wider (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT, by TEXT, note TEXT) STRICT;
            INSERT INTO wider (id, at) SELECT id, applied_at FROM revisions;
            DROP TABLE revisions;
            ALTER TABLE wider RENAME TO revisions;
        """
        with closing(connect(path)) as conn:
            with transaction(conn, CLOCK) as tx:
                tx.conn.execute(
                    "INSERT INTO revisions (id, applied_at, applied_by, created, updated, deleted, drifted,"
                    " changes, held) VALUES (7, '', 'cli', 0, 0, 0, 0, '', '')"
                )
                tx.conn.execute(QUEUE_OF_REVISION_7)
            run_steps(conn, Migration(SCHEMA_VERSION + 1, "rebuild", rebuild))
            assert conn.execute("SELECT revision_id FROM queues").get == 7

    def test_leave_no_dangling_reference(self, path: Path) -> None:
        orphan = Migration(SCHEMA_VERSION + 1, "orphan", PAUSE_A_GHOST)
        with closing(connect(path)) as conn:
            with pytest.raises(DatabaseError, match="overrides"):
                run_steps(conn, orphan)
            assert conn.execute("SELECT count(*) FROM overrides").get == 0

    def test_wait_for_the_process_that_migrates_and_then_find_it_done(self, path: Path) -> None:
        step = Migration(SCHEMA_VERSION + 1, "extra", "CREATE TABLE extra (x TEXT) STRICT")
        with closing(connect(path)) as first, closing(connect(path)) as second:
            run_steps(first, step)
            run_steps(second, step)
            assert second.execute("SELECT count(*) FROM migrations").get == SCHEMA_VERSION + 1


def run_steps(conn: apsw.Connection, *steps: Migration) -> None:
    migrate(conn, CLOCK, application_id=APPLICATION_ID, steps=steps)
