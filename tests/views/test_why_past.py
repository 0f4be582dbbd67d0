"""What was declared at a time of the past: given the applies since, then how the job stood."""

from datetime import timedelta

import pytest
from support.ledger import Ledger
from support.why import answer, revision, row, said, since, why

from jeeves_runner.clock import to_text


@pytest.fixture
def changed(ledger: Ledger) -> Ledger:
    """A job that revision 2 created ten days ago, hourly, and revision 3 made nightly five days ago."""
    ledger.add_job("sync", schedule=("0 3 * * *",))
    revision(ledger, ledger.at(days=10), "create", "sync")
    revision(ledger, ledger.at(days=5), "update", "sync", schedule=["0 * * * *"])
    since(ledger, "sync", ledger.at(days=10))
    ledger.conn.execute("UPDATE jobs SET schedule_since = ?", (to_text(ledger.at(days=5)),))
    ledger.conn.execute("UPDATE revisions SET applied_at = ? WHERE id = 1", (to_text(ledger.at(days=20)),))
    return ledger


def test_before_its_first_apply_a_job_was_not_declared(changed: Ledger) -> None:
    found = why(changed, "sync", "2026-02-19T11:00")
    assert found["answer"] == "not_declared"
    assert found["text"] == (
        "The job was not declared at 2026-02-19 11:00 UTC: revision 2, applied 2026-02-19 12:00Z from commit"
        " c0ffeec0ff, brought it 1h later."
    )


def test_a_time_before_a_change_is_judged_by_the_schedule_of_then(changed: Ledger) -> None:
    run = row(changed, "sync", "ok", changed.at(days=6))
    found = why(changed, "sync", "2026-02-23T12:00")
    assert (found["answer"], found["run"] and found["run"]["id"]) == ("ran", run)
    assert answer(changed, "sync", "2026-02-23T13:00") == "pruned"
    assert answer(changed, "sync", "2026-02-23T13:30") == "no_occurrence"
    assert said(changed, "sync", "2026-02-23T13:30")["time"].startswith(
        "Its schedule (0 * * * *, UTC) has no"
    )
    assert said(changed, "sync", "2026-02-23T13:00")["declared"] == (
        "Its schedule then was 0 * * * *; revision 3, applied 2026-02-24 12:00Z from commit c0ffeec0ff,"
        " changed when it runs."
    )


def test_what_was_disabled_then_says_so(changed: Ledger) -> None:
    revision(changed, changed.at(days=2), "update", "sync", enabled=False)
    changed.conn.execute("UPDATE jobs SET schedule_since = ?", (to_text(changed.at(days=2)),))
    found = why(changed, "sync", "2026-02-26T03:00")
    assert found["answer"] == "disabled"
    assert "It was declared `enabled: false` at that time" in found["text"]


def test_between_its_deletion_and_its_return_it_was_not_declared(changed: Ledger) -> None:
    revision(changed, changed.at(days=4), "delete", "sync")
    revision(changed, changed.at(days=1), "create", "sync")
    changed.conn.execute("UPDATE jobs SET schedule_since = ?", (to_text(changed.at(days=1)),))
    assert answer(changed, "sync", "2026-02-27T03:00") == "not_declared"
    assert "revision 5" in why(changed, "sync", "2026-02-27T03:00")["text"]
    assert answer(changed, "sync", "2026-02-24T13:00") == "unknown"  # what it was before, no revision says
    assert answer(changed, "sync", "2026-02-19T11:00") == "not_declared"


def test_a_deleted_job_tells_of_its_end(changed: Ledger) -> None:
    row(changed, "sync", "ok", changed.at(days=1, hours=9))
    changed.delete_job("sync")
    found = why(changed, "sync")
    assert found["answer"] == "ran"
    assert found["parts"][-1]["text"].startswith("The job is deleted: revision 1, applied ")
    assert answer(changed, "sync", "2026-03-02T03:00") == "deleted"
    assert answer(changed, "sync", "2026-02-28T03:00") == "ran"


def test_where_revisions_are_not_kept_it_says_so(changed: Ledger) -> None:
    changed.conn.execute("DELETE FROM revisions WHERE id = 2")
    revision(changed, changed.at(days=1), "update", "other")
    assert answer(changed, "sync", "2026-02-22T13:00") == "unknown"
    assert answer(changed, "sync", "2026-02-25T03:00") == "pruned"


def test_an_older_id_leads_to_the_present_one(changed: Ledger) -> None:
    changed.add_job("pull")
    changed.add_job("fetch")
    changed.conn.execute("UPDATE jobs SET deleted_at = updated_at WHERE id IN ('pull', 'fetch')")
    changed.conn.execute(
        "INSERT INTO renames (old_id, new_id, revision_id, renamed_at) SELECT old, new, revision_id, ?"
        " FROM jobs JOIN (SELECT 'pull' AS old, 'fetch' AS new UNION SELECT 'fetch', 'sync') ON id = old"
        " ORDER BY old DESC",
        (to_text(changed.at(days=5)),),
    )
    found = why(changed, "pull", "2026-02-19T11:00")
    assert (found["job_id"], found["answer"]) == ("sync", "not_declared")
    assert said(changed, "pull")["state"] == "Job pull was renamed to sync."


def test_an_id_that_lives_again_is_its_own_job(changed: Ledger) -> None:
    changed.add_job("pull", schedule=("0 5 * * *",))
    changed.conn.execute(
        "INSERT INTO renames (old_id, new_id, revision_id, renamed_at) VALUES ('pull', 'sync', 3, ?)",
        (to_text(changed.now - timedelta(days=1)),),
    )
    assert why(changed, "pull")["job_id"] == "pull"


def test_a_job_that_was_disabled_since_was_due_before(changed: Ledger) -> None:
    changed.add_job("sync", schedule=("0 3 * * *",), enabled=False)
    since(changed, "sync", changed.at(days=10))
    revision(changed, changed.at(days=2), "update", "sync", enabled=True)
    assert answer(changed, "sync", "2026-02-25T03:00") == "pruned"
    assert answer(changed, "sync", "2026-02-28T03:00") == "disabled"
    assert answer(changed, "sync", "2026-03-02T03:00") == "disabled"


def test_no_more_than_some_revisions_are_looked_through(changed: Ledger) -> None:
    changed.conn.execute("UPDATE sqlite_sequence SET seq = 20000 WHERE name = 'revisions'")
    revision(changed, changed.at(days=2), "update", "sync", schedule=["0 4 * * *"])
    changed.conn.execute("UPDATE jobs SET schedule_since = ?", (to_text(changed.at(days=2)),))
    assert answer(changed, "sync", "2026-02-23T13:00") == "unknown"


def test_runs_that_are_still_to_be_carried_to_another_id_answer_for_it(changed: Ledger) -> None:
    changed.add_job("pull")
    old = row(changed, "pull", "ok", changed.at(days=3).replace(hour=3))
    newer = row(changed, "sync", "ok", changed.at(days=2).replace(hour=3))
    changed.conn.execute(
        "INSERT INTO carries (old_id, new_id, after_run, last_run, renamed_at)"
        " VALUES ('pull', 'sync', 0, ?, ?)",
        (old, to_text(changed.now)),
    )
    for day, run in ((26, old), (27, newer)):
        found = why(changed, "sync", f"2026-02-{day}T03:00")
        assert (found["answer"], found["run"] and found["run"]["id"]) == ("ran", run)
    assert why(changed, "sync", run=old)["answer"] == "ran"
