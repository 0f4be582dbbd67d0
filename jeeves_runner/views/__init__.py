"""What HTTP answers and ``--json`` prints, as objects made of JSON types alone.

Each function reads the database at one moment and returns the whole document of one route. Times
are text in the database's form, durations integers in milliseconds (``uptime``: seconds).
"""

from jeeves_runner.views.config import config_view
from jeeves_runner.views.data import (
    key_view,
    namespace_view,
    namespaces_view,
    peek_view,
    queue_view,
    queues_view,
)
from jeeves_runner.views.jobs import check_known, each_job, job_view, jobs_view, live_job, unknown_job
from jeeves_runner.views.occurrences import NextRun, next_runs, next_view
from jeeves_runner.views.runs import run_log, run_view, runs_view
from jeeves_runner.views.status import recorded_sync, status_view

__all__ = [
    "NextRun",
    "check_known",
    "config_view",
    "each_job",
    "job_view",
    "jobs_view",
    "key_view",
    "live_job",
    "namespace_view",
    "namespaces_view",
    "next_runs",
    "next_view",
    "peek_view",
    "queue_view",
    "queues_view",
    "recorded_sync",
    "run_log",
    "run_view",
    "runs_view",
    "status_view",
    "unknown_job",
]
