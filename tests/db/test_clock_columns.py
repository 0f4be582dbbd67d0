"""Of every column that holds an instant it is known what a clock that was ahead may leave in it."""

from datetime import datetime, timedelta
from typing import Final

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ledger import Store

from jeeves_runner.clock import from_timestamp, to_text
from jeeves_runner.core.durations import MAX_SPAN_MS, text_after
from jeeves_runner.db import declared_jobs, nodes, queues
from jeeves_runner.db.clock_events import HOLDS_BACK, WAITS, WATERMARK
from jeeves_runner.db.waits import Wait, latest_end

# Every column of text is listed here, so that a new one that holds an instant cannot be forgotten.

RECORDS: Final = {
    "audit": "at",
    "backfills": "created_at finished_at",
    "carries": "renamed_at",
    "change_watches": "taken_at changed_at",
    "held": "since",
    "incidents": "opened_at told_at said_at closed_at",
    "jobs": "created_at updated_at deleted_at",
    "migrations": "applied_at",
    "nodes": "updated_at deleted_at",
    "outbox": "sending_at finished_at",
    "queue_items": "created_at claimed_at",
    "queues": "created_at updated_at deleted_at paused_at",
    "renames": "renamed_at",
    "runner": "started_at stopping_at stopped_at seen_at age_at",
    "runs": "started_at finished_at created_at cancel_requested_at",
    "sessions": "created_at",
    "source": "recorded_at",
    "state": "updated_at",
    "tokens": "created_at revoked_at",
}
"""Instants that tell when something was. Nothing waits for them."""

OCCURRENCES: Final = {
    "backfills": "from_at to_at cursor",
    "overrides": "scheduled_for",
    "runs": "scheduled_for last_for",
}
"""Instants of a schedule, whatever a clock says."""

TEXTS: Final = {
    "arrivals": "job_id upstream qualifies runs",
    "audit": "actor action target detail origin",
    "backfills": "job_id open status message created_by",
    "carries": "old_id new_id",
    "change_watches": "job_id watched fingerprint",
    "edges": "job_id relation node",
    "effects": "act target",
    "freshness": "node job_id",
    "held": "kind id file message",
    "incidents": "cause job_id subject channels facts closed_by",
    "jobs": "id on_failure on_success output_channel spec_hash file namespace",
    "manifest_files": "path digest problems",
    "migrations": "name",
    "namespaces": "job_id namespace",
    "nodes": "id kind spec_hash file",
    "outbox": "channel said cause job_id facts bundle status ref error",
    "outbox_owner": "database_id place",
    "overrides": "job_id kind reason created_by",
    "queue_counts": "queue_id status",
    "queue_failures": "queue_id",
    "queue_items": "queue_id payload status dedup_key lease_token error",
    "queue_triggers": "job_id",
    "queues": "id spec_hash file pause_reason paused_by",
    "renames": "old_id new_id",
    "revisions": "applied_by commit author subject changes held consequences",
    "runner": "boot_id api_url socket planner_digest waits_for",
    "runs": "job_id status stdout stderr trigger signal message reason reason_ref result_meta params"
    " given_params pool spec_hash file script_hash log_path cancel_cause mark handle model origin late"
    " caused_by token_digest start_digest",
    "secret_params": "params",
    "sequences": "name",
    "sessions": "digest",
    "source": "kind location",
    "state": "namespace key value",
    "state_counts": "namespace key",
    "state_items": "namespace key item_key value",
    "tokens": "name role digest created_by",
}
"""Columns that hold no instant. Those that the spec of a job or queue fills hold none either: they are not
listed."""

DECLARED: Final = {"jobs": declared_jobs._DECLARED, "queues": queues._DECLARED, "nodes": nodes._DECLARED}


def test_of_every_column_it_is_known_whether_a_wrong_clock_may_leave_something_in_it(store: Store) -> None:
    known: list[tuple[str, str]] = [*HOLDS_BACK, WATERMARK]
    known += [(wait.table, wait.until) for wait in WAITS]
    for kind in (RECORDS, OCCURRENCES, TEXTS):
        known += [(table, name) for table, names in kind.items() for name in names.split()]
    rows = store.conn.execute(
        "SELECT made.name, columns.name FROM sqlite_schema AS made, pragma_table_xinfo(made.name) AS columns"
        " WHERE made.type = 'table' AND columns.type = 'TEXT'"
    ).fetchall()
    declared = {(table, name) for table, names in DECLARED.items() for name in names}
    found = {(str(table), str(name)) for table, name in rows}
    assert len(known) == len(set(known))
    assert set(known) - declared == found - declared


@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: f"{wait.table}.{wait.until}")
def test_every_wait_has_its_length_in_a_column(store: Store, wait: Wait) -> None:
    kind = "SELECT type FROM pragma_table_xinfo(?) WHERE name = ?"
    assert store.conn.execute(kind, (wait.table, wait.length)).get == "INTEGER"


@given(
    st.timedeltas(timedelta(0), timedelta(days=80_000)).map(lambda since: from_timestamp(0) + since),
    st.integers(0, MAX_SPAN_MS),
)
def test_sql_dates_the_end_of_a_wait_as_the_program_does(now: datetime, length: int) -> None:
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    ends = latest_end(Wait("t", "until", str(length), "true"))
    conn = apsw.Connection(":memory:")
    assert conn.execute(f"SELECT {ends}", {"at": to_text(now)}).get == text_after(now, length)
    conn.close()
