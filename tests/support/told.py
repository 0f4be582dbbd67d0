"""Facts of alerts that never change, by name: for pictures of messages, and for what is made of messages."""

from datetime import UTC, datetime, timedelta
from typing import Final

from jeeves_runner.core.alerts.compose import Links, compose, digest
from jeeves_runner.core.alerts.lateness import Bounds, Standing
from jeeves_runner.core.alerts.lateness_words import About, facts_of
from jeeves_runner.core.alerts.message import Message
from jeeves_runner.core.alerts.telling import Changed, Lasting, Telling, ToldJob, ToldRun
from jeeves_runner.core.alerts.words import Cause, Said
from jeeves_runner.core.model import Reason, RunStatus, Trigger

NIGHT: Final = datetime(2026, 11, 29, 2, 4, 10, tzinfo=UTC)
LINKS: Final = Links("db1", "/srv/jobs", "https://jobs.example.org")

JOB: Final = ToldJob(
    "backup", "backup", "ops", "Europe/Vienna", NIGHT.replace(day=30, minute=0, second=0), 40_000
)
RUN: Final = ToldRun(
    id=4711,
    status=RunStatus.ERROR,
    trigger=Trigger.SCHEDULE,
    attempt=3,
    attempts=3,
    scheduled_for=NIGHT.replace(minute=0, second=0),
    last_for=None,
    occurrences=1,
    started_at=NIGHT - timedelta(seconds=250),
    duration_ms=250_000,
    exit_code=3,
    signal=None,
    message=None,
    reason=None,
    stdout="copied 3 files\n",
    stderr="rsync: write failed on /mnt/backup: No space left on device (28)\nrsync error: code 11\n",
)
_OPEN: Final = Lasting(12, NIGHT, 1, None)
_FAILED: Final = Telling(Said.OPENED, Cause.FAILURE, NIGHT, JOB, RUN, _OPEN)
_CHANGED: Final = Changed(
    ("command", "script"), "9fceb02d0ae598e95dc970b74767f19372d61af8", "Ada", "Copy the archive too"
)
_MISSED: Final = RUN._replace(
    id=4712,
    status=RunStatus.MISSED,
    attempt=1,
    attempts=1,
    last_for=NIGHT.replace(hour=3, minute=0, second=0),
    occurrences=3,
    started_at=None,
    duration_ms=None,
    exit_code=None,
    reason=Reason.LATE,
    stdout=None,
    stderr=None,
)
_LATE: Final = facts_of(
    Cause.LATE,
    Standing(NIGHT + timedelta(minutes=6), None),
    Bounds(start_by=NIGHT.replace(minute=10, second=0)),
    About(NIGHT.replace(minute=0, second=0), "Europe/Vienna", waits=(Reason.POOL, "database")),
)
_WAITING: Final = RUN._replace(
    status=RunStatus.SCHEDULED,
    attempt=1,
    started_at=None,
    duration_ms=None,
    exit_code=None,
    stdout=None,
    stderr=None,
)
_OTHERS: Final = ("invoices", "fetch-mail", "sort-mail")

_TELLINGS: Final = {
    "failure": _FAILED._replace(changed=_CHANGED),
    "reminder": _FAILED._replace(
        said=Said.REMINDER, at=NIGHT + timedelta(hours=6), incident=_OPEN._replace(times=2)
    ),
    "recovered": _FAILED._replace(
        said=Said.RECOVERED,
        run=RUN._replace(
            id=4720, status=RunStatus.OK, exit_code=0, attempt=1, attempts=3, duration_ms=41_000
        ),
        incident=_OPEN._replace(times=2, closed_at=NIGHT + timedelta(hours=7, minutes=12)),
    ),
    "missed": _FAILED._replace(cause=Cause.MISSED, run=_MISSED, at=NIGHT + timedelta(hours=2)),
    "late": _FAILED._replace(cause=Cause.LATE, run=_WAITING, facts=_LATE),
    "held": Telling(
        Said.OPENED,
        Cause.HELD,
        NIGHT,
        facts={
            "subject": "jobs.d/report.yaml",
            "words": "is held back: `timeout` must be a duration",
            "lines": [["Place", "jobs.d/report.yaml:4:10"], ["Run on as before", "report, report-weekly"]],
        },
    ),
    "down": Telling(Said.EVENT, Cause.DOWN, NIGHT, facts={"words": "was down 02:10-03:04 (54m)"}),
    "test": Telling(Said.TEST, None, NIGHT),
}


def message(name: str) -> Message:
    """The message of these facts; ``digest`` is of several."""
    if name == "digest":
        others = [_FAILED._replace(job=JOB._replace(id=job)) for job in _OTHERS]
        return digest(others, "db/90", links=LINKS)
    return compose(_TELLINGS[name], "db/7", links=LINKS, database="db")


NAMES: Final = (*_TELLINGS, "digest")
"""All there are."""
