"""The runner: how it is, how its jobs stand against the manifests, and its settings."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import Literal, NamedTuple, TypedDict

import apsw

from jeeves_runner import __version__
from jeeves_runner.access import TooOpen
from jeeves_runner.clock import to_text
from jeeves_runner.config import SETTINGS, Config
from jeeves_runner.config_settings import shown_settings
from jeeves_runner.db.failing_jobs import KnownFailing, failing_jobs
from jeeves_runner.db.incident_list import open_incidents
from jeeves_runner.db.job_list import HealthCounts, health_counts, next_count
from jeeves_runner.db.message_list import MessageCounts, message_counts
from jeeves_runner.views.attention import (
    Attention,
    AttentionDocument,
    attention_view,
    of_access,
    of_sync,
    starved,
    without_what_sync_tells,
    wrong,
)
from jeeves_runner.views.occurrences import NO_MOMENTS, Moments, text_of
from jeeves_runner.views.runs import active_runs
from jeeves_runner.views.sync import SyncDocument, SyncSummary, sync_summary, unborn_errors

NAME = "jeeves-runner"
_LINKS = (
    "status", "jobs", "schedule", "runs", "backfills", "graph", "alerts", "revisions", "specs", "sync",
    "queues", "state", "audit", "events", "metrics", "config",
)  # fmt: skip
_HOUR = timedelta(hours=1)
_A_WHILE = timedelta(seconds=10)
"""After it, what is wrong is looked for anew where the time alone may make another of it."""

_MILLISECOND = timedelta(milliseconds=1)

ServerStatus = Literal["starting", "running", "stopping", "stopped"]


class IndexDocument(TypedDict):
    """What answers here, and where to look."""

    name: str
    """The program's name."""
    version: str
    """Its version."""
    links: dict[str, str]
    """Paths to begin with, by name."""


class ReadyzDocument(TypedDict):
    """That runs start."""

    status: Literal["ready"]
    """The word."""


class HealthzDocument(TypedDict):
    """That the server answers."""

    status: Literal["ok"]
    """One word."""


class OkDocument(TypedDict):
    """That something was done."""

    ok: bool
    """It always is."""


class TooOpenDocument(TypedDict):
    """A file or folder that more people may use than the config's ``data_mode`` says."""

    path: str
    """Where it is."""
    mode: str
    """Its permissions now, such as ``0755``."""


class HealthDocument(TypedDict):
    """What there is, what goes on, and what went well or badly of late."""

    total_jobs: int
    """Live jobs."""
    running: int
    """Runs that run."""
    waiting: int
    """Runs that wait."""
    catching_up: int
    """Jobs that are late and have no row yet, because ``catch_up_spread`` spaces them; 0 without a server."""
    catching_up_until: str | None
    """When the last of them has its moment; null: there is none."""
    failed_registrations: int
    """Jobs, queues and nodes that are held, and errors in manifests that were never applied."""
    ok_last_hour: int
    """Runs that ended ok in the last hour."""
    errors_last_hour: int
    """Runs that ended error, timeout or interrupted in the last hour."""
    incidents_open: int
    """What is wrong and not over, whether people know of it or not."""
    messages_waiting: int
    """Messages to people that wait to be sent."""
    messages_failed: int
    """Messages that were given up in the last day, on channels that have taken none since."""
    busy_ms: int | None
    """For how long another process has kept the runner from writing; null: none does."""
    too_open: list[TooOpenDocument]
    """The data folder and files of the database that more people may use than ``data_mode`` says. They are
    looked at once a second at most; none while their disk hangs."""


class StatusDocument(TypedDict):
    """How the runner is."""

    name: str
    """The program's name."""
    version: str
    """Its version."""
    uptime_ms: int | None
    """For how long it has been running; null if it is not."""
    status: ServerStatus
    """``running``: it takes requests. ``stopping``: it starts nothing more. ``starting`` and ``stopped`` are
    said by the command line alone."""
    health: HealthDocument
    """What there is and goes on."""
    sync: SyncSummary
    """How its jobs stand against the manifests."""
    attention: list[AttentionDocument]
    """What is wrong, kept back or does not start: nothing for as long as ``status --check`` ends with 0. A
    pause is wanted, and nothing wrong."""


class LateJobDocument(TypedDict):
    """A job that is late and has its moment yet to come."""

    job_id: str
    """Its id."""
    catches_up_at: str
    """When it is decided what becomes of what was missed."""


class CatchingUpDocument(TypedDict):
    """The jobs that are late and have no row yet."""

    jobs: list[LateJobDocument]
    """By their moments."""


def catching_up_view(catching_up: Moments) -> CatchingUpDocument:
    """``{jobs: [{job_id, catches_up_at}]}``."""
    return {"jobs": [{"job_id": name, "catches_up_at": to_text(at)} for name, at in catching_up.items()]}


def index_view() -> IndexDocument:
    """``{name, version, links}``."""
    links = {name: f"/{name}" for name in _LINKS} | {"openapi": "/openapi.json"}
    return {"name": NAME, "version": __version__, "links": links}


def healthz_view() -> HealthzDocument:
    """``{status}``."""
    return {"status": "ok"}


def readyz_view() -> ReadyzDocument:
    """``{status}``."""
    return {"status": "ready"}


class Counts(NamedTuple):
    """What the database says of how the runner is."""

    health: HealthCounts
    """Jobs and runs."""
    messages: MessageCounts
    """Messages to people."""
    incidents: int
    """Incidents that are not over."""
    until: datetime | None
    """When the time alone makes another of it; None: never."""
    wrong: tuple[Attention, ...] = ()
    """What is wrong, whether the manifests tell of it too or not."""


def counts(conn: apsw.Connection, now: datetime, failing: KnownFailing | None = None) -> Counts:
    """The counts of now, and what is wrong. ``failing``: what knows the jobs that failed when asked last."""
    since, messages = now - _HOUR, message_counts(conn, now)
    incidents, active = open_incidents(conn), active_runs(conn)
    which_fail = failing_jobs if failing is None else failing
    found = (*starved(active), *wrong(conn, now, told_alone=True, which_fail=which_fail))
    until = now if messages.failed else next_count(conn, since, now)
    if until != now and (incidents or messages.waiting):  # a mute ends, a channel has failed for too long
        until = min(now + _A_WHILE, until or datetime.max.replace(tzinfo=UTC))
    return Counts(health_counts(conn, since, now), messages, incidents, until, found)


def status_view(
    found: Counts,
    now: datetime,
    *,
    uptime: timedelta | None,
    starting: bool = False,
    stopping: bool = False,
    sync: SyncDocument,
    busy_since: datetime | None = None,
    too_open: Iterable[TooOpen] = (),
    catching_up: Moments = NO_MOMENTS,
    lost: Iterable[Attention] = (),
) -> StatusDocument:
    """``{name, version, uptime_ms, status, health, sync, attention}``.

    ``found`` is of now. ``uptime`` None: no server runs, so ``status`` is ``stopped`` and ``uptime_ms`` null.
    ``starting``: it takes no requests yet. ``stopping``: it starts nothing more.
    ``sync`` is the document of /sync, given here with counts in place of its lists. ``busy_since``:
    when another process took the lock that the server's writes wait for; ``busy_ms`` is null without.
    ``catching_up``: when the server has late jobs catch up, by id. ``lost``: what is lost without a server.
    """
    open_files = tuple(too_open)
    status: ServerStatus = "running"
    if uptime is None:
        status = "stopped"
    elif stopping:
        status = "stopping"
    elif starting:
        status = "starting"
    health, messages = found.health, found.messages
    return {
        "name": NAME,
        "version": __version__,
        "uptime_ms": None if uptime is None else max(0, uptime // _MILLISECOND),
        "status": status,
        "health": {
            "total_jobs": health.jobs,
            "running": health.running,
            "waiting": health.waiting,
            "catching_up": len(catching_up),
            "catching_up_until": text_of(max(catching_up.values(), default=None)),
            "failed_registrations": health.held + len(unborn_errors(sync)),
            "ok_last_hour": health.ok,
            "errors_last_hour": health.errors,
            "incidents_open": found.incidents,
            "messages_waiting": messages.waiting,
            "messages_failed": messages.failed,
            "busy_ms": None if busy_since is None else max(0, (now - busy_since) // _MILLISECOND),
            "too_open": [{"path": str(path), "mode": f"{mode:04o}"} for path, mode in open_files],
        },
        "sync": sync_summary(sync),
        "attention": attention_view(
            (*of_sync(sync), *without_what_sync_tells((*lost, *found.wrong), sync), *of_access(open_files))
        ),
    }


def config_view(config: Config) -> dict[str, object]:
    """Every setting by the name of its field: paths as text, durations in ms, sizes in bytes.

    Of what may be a secret, such as the URL of a webhook, it has what may be shown."""
    place = {"path": config.path, "root": config.root}
    return {name: _value(each) for name, each in (place | shown_settings(SETTINGS, config)).items()}


def _value(setting: object) -> object:
    if isinstance(setting, Mapping):
        return {str(key): _value(item) for key, item in setting.items()}
    if isinstance(setting, list | tuple | set | frozenset):
        return [_value(item) for item in setting]
    return str(setting) if isinstance(setting, PurePath) else setting
