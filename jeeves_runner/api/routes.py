"""Every route, once: what the application serves and the documentation lists."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from aiohttp import web

from jeeves_runner.api import acting, reading

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Route(NamedTuple):
    """A method and path with its handler; ``*`` takes every method that has no route of its own.

    Where several paths fit, the first that takes the method does.
    """

    method: str
    path: str
    handler: Handler


ROUTES: Final = (
    Route("GET", "/", reading.index),
    Route("GET", "/status", reading.status),
    Route("GET", "/healthz", reading.healthz),
    Route("GET", "/jobs", reading.jobs),
    Route("*", "/jobs", acting.jobs_are_declared),
    Route("GET", "/jobs/{job}", reading.job),
    Route("*", "/jobs/{job}", acting.job_is_declared),
    Route("GET", "/jobs/{job}/runs", reading.runs_of_job),
    Route("POST", "/jobs/{job}/run", acting.run_job),
    Route("POST", "/jobs/{job}/pause", acting.pause_job),
    Route("POST", "/jobs/{job}/resume", acting.resume_job),
    Route("PATCH", "/jobs/{job}/disable", acting.disable_job),
    Route("PATCH", "/jobs/{job}/enable", acting.enable_job),
    Route("*", "/jobs/{job}/{part:.+}", acting.part_of_job_is_declared),
    Route("GET", "/runs", reading.runs),
    Route("GET", "/runs/{run}", reading.run),
    Route("GET", "/runs/{run}/logs", reading.logs),
    Route("POST", "/runs/{run}/cancel", acting.cancel_run),
    Route("GET", "/sync", reading.sync),
    Route("POST", "/reconcile", acting.reconcile),
    Route("GET", "/queues", reading.queues),
    Route("GET", "/queues/{queue}/status", reading.queue_status),
    Route("GET", "/queues/{queue}/peek", reading.queue_peek),
    Route("GET", "/state", reading.namespaces),
    Route("GET", "/state/{namespace}", reading.namespace),
    Route("GET", "/state/{namespace}/{key}", reading.state_key),
    Route("GET", "/config", reading.config),
)
