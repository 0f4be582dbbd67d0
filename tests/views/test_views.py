"""All documents: of an empty database, and of one that holds everything."""

from datetime import timedelta

from support.clock import NOON
from support.ledger import Ledger, as_document

from jeeves_runner.views.jobs import job_view, jobs_view
from jeeves_runner.views.occurrences import next_view
from jeeves_runner.views.queues import peek_view, queue_ids_view, queue_view, queues_view
from jeeves_runner.views.runs import runs_view
from jeeves_runner.views.state import namespaces_view
from jeeves_runner.views.sync import recorded_sync

HOURLY = ("0 * * * *",)


def test_an_empty_database_can_be_looked_at(ledger: Ledger) -> None:
    ledger.conn.execute("DELETE FROM revisions")
    sync = recorded_sync(ledger.conn, None)
    assert (sync["state"], sync["revision"], sync["commit"]) == ("unwatched", 0, None)
    assert next_view(ledger.conn, ledger.now, count=3) == {"occurrences": []}
    assert runs_view(ledger.conn, limit=3) == {"runs": []}
    assert queue_ids_view(ledger.conn, ledger.now) == {"queues": []}
    assert queues_view(ledger.conn, ledger.now) == {"queues": []}
    assert namespaces_view(ledger.conn, ledger.now) == {"namespaces": []}


def test_every_document_is_made_of_json_alone(ledger: Ledger) -> None:
    ledger.add_job("job", schedule=(*HOURLY, "@daily"), env=(("A", "b"),), tags=("x",))
    ledger.add_run("job", "running")
    ledger.pause("job", until=NOON + timedelta(hours=1))
    ledger.declare_queue("mail")
    documents = [
        jobs_view(ledger.conn, ledger.now),
        job_view(ledger.conn, ledger.now, "job"),
        runs_view(ledger.conn, limit=5),
        queue_ids_view(ledger.conn, ledger.now),
        queues_view(ledger.conn, ledger.now),
        queue_view(ledger.conn, ledger.now, "mail"),
        peek_view(ledger.conn, ledger.now, "mail", 3),
    ]
    assert [as_document(document) for document in documents] == documents
