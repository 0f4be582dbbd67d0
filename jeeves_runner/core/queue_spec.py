"""What is declared of a queue. The queues that no manifest declares have its defaults."""

from typing import Literal, NamedTuple


class QueueSpec(NamedTuple):
    """One queue as declared, with defaults applied."""

    id: str
    """Unique over all queues, in the form of a job's id."""
    description: str | None = None
    """What the queue holds, for people."""
    dedup_key: str | None = None
    """Where the key of a payload is, as a JSON path such as ``$.id``; None: all payloads are taken."""
    dedup_scope: Literal["pending", "all"] = "pending"
    """Which items a new one is compared with: those not yet finished, or all that are still kept."""
    max_attempts: int = 3
    """How many claims an item gets before it is failed, 1 to 1000."""
    lease_ms: int = 300_000
    """How long a claim lasts, in milliseconds, 1 at least."""
    backoff_delay_ms: int = 0
    """Milliseconds before an item that failed once can be claimed again."""
    backoff_factor: float = 2.0
    """By what that wait grows with each attempt, 1 to 100."""
    backoff_max_delay_ms: int = 3_600_000
    """The longest wait, in milliseconds."""
    retention_completed_ms: int = 7 * 86_400_000
    """How long completed items are kept, in milliseconds."""
    retention_failed_ms: int = 30 * 86_400_000
    """How long failed items are kept, in milliseconds."""
    payload_schema: str | None = None
    """The JSON Schema that payloads must meet, as canonical JSON; None: any is taken."""
    payload_schema_file: str | None = None
    """The file that the schema was read from, an absolute path; None for one that stands in the manifest."""
    on_failed: tuple[str, ...] = ()
    """Where people are told of items that have failed: addresses as ``core.alerts.address`` reads them."""
