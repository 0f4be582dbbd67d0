"""What scripts import: state that outlives a run, and queues between jobs.

    from jeeves_runner.client import Client

    with Client() as jr:
        cursor = jr.get_state("mail", "cursor", default=0)

Kept light, because every run of a script pays for this import.
"""

from jeeves_runner.client.client import Client
from jeeves_runner.client.gathering import Pending
from jeeves_runner.core.values import Expect
from jeeves_runner.db.queue_claims import Item
from jeeves_runner.errors import (
    Conflict,
    DatabaseError,
    InvalidValue,
    JeevesError,
    LeaseLost,
    NoServer,
    Unauthorized,
    UsageError,
)

MISSING = Expect.MISSING
"""For ``expect=``: the key must hold no value."""

__all__ = [
    "MISSING",
    "Client",
    "Conflict",
    "DatabaseError",
    "InvalidValue",
    "Item",
    "JeevesError",
    "LeaseLost",
    "NoServer",
    "Pending",
    "Unauthorized",
    "UsageError",
]
