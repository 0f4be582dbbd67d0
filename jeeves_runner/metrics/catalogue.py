"""Every metric, once: its name, its kind, its labels, and what it counts or measures.

The documentation lists them, the dashboard and the rules of the examples name them, and tests hold all three
to this.
"""

from typing import Final, Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram", "info"]

PREFIX: Final = "jeeves_runner_"


class Definition(NamedTuple):
    """One metric."""

    name: str
    """As it is asked for, such as ``jeeves_runner_runs_total``. A histogram has it with ``_bucket``, ``_sum``
    and ``_count``."""
    kind: Kind
    """What it is."""
    labels: tuple[str, ...]
    """The names of its labels."""
    help: str
    """What it says, in a sentence."""


def _define(kind: Kind, name: str, text: str, *labels: str) -> Definition:
    return Definition(PREFIX + name, kind, labels, text)


RUNS: Final = _define(
    "counter",
    "runs_total",
    "Runs that have ended, by how they did; of occurrences that were skipped or missed each one counts.",
    "job_id",
    "status",
)
RUN_DURATION: Final = _define(
    "histogram", "run_duration_seconds", "How long runs took, of those that started.", "job_id"
)
TOKENS: Final = _define("counter", "tokens_total", "Tokens that runs had used when they ended.", "job_id")
START_LAG: Final = _define(
    "histogram",
    "start_lag_seconds",
    "How much later than due runs started that have ended since: after their time, the wait of a retry, or"
    " the request.",
    "trigger",
)
JOBS: Final = _define("gauge", "jobs", "Live jobs.")
RUNNING: Final = _define("gauge", "runs_running", "Runs that run.")
WAITING: Final = _define(
    "gauge", "runs_waiting", "Runs that wait, by why; `undecided`: no runner has looked at them.", "reason"
)
TIMETABLE: Final = _define("gauge", "timetable_jobs", "Jobs that have a next time on the timetable.")
CATCHING_UP: Final = _define(
    "gauge", "catching_up_jobs", "Jobs that are late and wait for the moment at which they catch up."
)
TICK_AGE: Final = _define(
    "gauge", "last_tick_age_seconds", "Since when the runner has not looked at the clock for what is due."
)
SYNC_STATE: Final = _define(
    "gauge", "sync_state", "1 for the state in which the manifests are, 0 for the others.", "state"
)
RECONCILE_AGE: Final = _define(
    "gauge", "reconcile_age_seconds", "Since when the runner has not looked at the manifests."
)
REVISION: Final = _define("gauge", "revision", "The newest revision that was applied.")
COMMIT_INFO: Final = _define(
    "info", "commit_info", "The commit that the newest revision records; empty: it records none.", "commit"
)
HELD_FILES: Final = _define(
    "gauge", "held_files", "Manifests with errors, of which jobs keep an older spec or are not there at all."
)
QUEUE_DEPTH: Final = _define("gauge", "queue_depth", "Items that wait to be claimed.", "queue")
QUEUE_CLAIMED: Final = _define("gauge", "queue_claimed", "Items that are claimed.", "queue")
QUEUE_FAILED: Final = _define("gauge", "queue_failed", "Dead letters.", "queue")
QUEUE_AGE: Final = _define(
    "gauge", "queue_oldest_age_seconds", "Since when the oldest item waits; 0: none does.", "queue"
)
LEASE_EXPIRIES: Final = _define(
    "counter",
    "lease_expiries_total",
    "Claims that ended without an answer, since the database was made.",
)
INCIDENTS: Final = _define("gauge", "incidents_open", "Incidents that are open.", "cause")
OUTBOX: Final = _define("gauge", "outbox_messages", "Messages that wait to be sent.")
OUTBOX_AGE: Final = _define(
    "gauge", "outbox_oldest_age_seconds", "Since when the oldest of them waits; 0: none does."
)
OUTBOX_FAILED: Final = _define(
    "gauge", "outbox_failed", "Messages given up in the last day on channels that have taken none since."
)
STALE: Final = _define(
    "gauge", "data_stale", "1 while data is older than its node says, 0 while it is fresh.", "node"
)
BACKFILLS: Final = _define("gauge", "backfills_active", "Backfills that go on.")
DATABASE_BYTES: Final = _define("gauge", "database_bytes", "The size of the database.")
WAL_BYTES: Final = _define("gauge", "wal_bytes", "The size of its write-ahead log.")
DISK_FREE: Final = _define(
    "gauge",
    "disk_free_bytes",
    "What is free where `data_dir` and the database are; missing while their disk hangs.",
    "folder",
)
WRITER_LATENCY: Final = _define(
    "histogram", "writer_latency_seconds", "How long the runner's writes took, from the call to the commit."
)
WRITER_BACKLOG: Final = _define("gauge", "writer_backlog", "Writes of the runner that wait for their turn.")
LOOP_STALLS: Final = _define(
    "counter", "loop_stalls_total", "How often the event loop stood still for ten seconds."
)
LOOP_ANSWER: Final = _define(
    "gauge", "loop_answer_seconds", "How long the event loop took for the last question, asked every 2 s."
)
REQUESTS: Final = _define(
    "counter", "http_requests_total", "Answers over HTTP, by route.", "route", "method", "status"
)
BUILD: Final = _define("info", "build_info", "The versions that run.", "version", "python", "sqlite")

ALL: Final = (
    RUNS,
    RUN_DURATION,
    TOKENS,
    START_LAG,
    JOBS,
    RUNNING,
    WAITING,
    TIMETABLE,
    CATCHING_UP,
    TICK_AGE,
    SYNC_STATE,
    RECONCILE_AGE,
    REVISION,
    COMMIT_INFO,
    HELD_FILES,
    QUEUE_DEPTH,
    QUEUE_CLAIMED,
    QUEUE_FAILED,
    QUEUE_AGE,
    LEASE_EXPIRIES,
    INCIDENTS,
    OUTBOX,
    OUTBOX_AGE,
    OUTBOX_FAILED,
    STALE,
    BACKFILLS,
    DATABASE_BYTES,
    WAL_BYTES,
    DISK_FREE,
    WRITER_LATENCY,
    WRITER_BACKLOG,
    LOOP_STALLS,
    LOOP_ANSWER,
    REQUESTS,
    BUILD,
)
"""In the order in which they are written."""
