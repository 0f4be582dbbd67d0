"""One queue: how it is, what it is set to, and which jobs work on it."""

from datetime import datetime
from typing import TypedDict

import apsw

from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.queues import QueueSettings, settings_of
from jeeves_runner.views.queue_ends import queue_ends
from jeeves_runner.views.queues import QueueDocument, queue_document


class WholeQueueDocument(QueueDocument, QueueSettings):
    """A queue by itself."""

    writers: list[str]
    """The jobs whose manifests say that they write to it, by id."""
    readers: list[str]
    """The jobs that read it, are started by it or use it, by id."""


class OneQueueDocument(TypedDict):
    """One queue."""

    queue: WholeQueueDocument
    """With what it is set to, and who works on it."""


def whole_queue_view(conn: apsw.Connection, now: datetime, queue_id: str) -> OneQueueDocument:
    """``{queue}``; NotFound."""
    with snapshot(conn):
        ends = queue_ends(conn, queue_id).get(queue_id)
        return {
            "queue": {
                **queue_document(conn, now, queue_id),
                **settings_of(conn, queue_id),
                "writers": list(ends.writers) if ends else [],
                "readers": list(ends.readers) if ends else [],
            }
        }
