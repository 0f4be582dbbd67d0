"""Every route, once: what the application serves and the documentation lists."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from aiohttp import web

from jeeves_runner.api import data_handlers, job_handlers, run_handlers, runner_handlers

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Route(NamedTuple):
    """A method and path with its handler; ``*`` takes every method that has no route of its own.

    Where several paths fit, the first that takes the method does.
    """

    method: str
    path: str
    handler: Handler


ROUTES: Final = (
    Route("GET", "/", runner_handlers.index),
    Route("GET", "/status", runner_handlers.status),
    Route("GET", "/healthz", runner_handlers.healthz),
    Route("GET", "/jobs", job_handlers.jobs),
    Route("*", "/jobs", job_handlers.jobs_are_declared),
    Route("GET", "/jobs/{job}", job_handlers.job),
    Route("*", "/jobs/{job}", job_handlers.job_is_declared),
    Route("GET", "/jobs/{job}/runs", run_handlers.runs_of_job),
    Route("POST", "/jobs/{job}/run", run_handlers.run_job),
    Route("POST", "/jobs/{job}/pause", job_handlers.pause_job),
    Route("POST", "/jobs/{job}/resume", job_handlers.resume_job),
    Route("PATCH", "/jobs/{job}/disable", job_handlers.disable_job),
    Route("PATCH", "/jobs/{job}/enable", job_handlers.enable_job),
    Route("*", "/jobs/{job}/{part:.+}", job_handlers.part_of_job_is_declared),
    Route("GET", "/runs", run_handlers.runs),
    Route("GET", "/runs/{run}", run_handlers.run),
    Route("GET", "/runs/{run}/logs", run_handlers.logs),
    Route("POST", "/runs/{run}/cancel", run_handlers.cancel_run),
    Route("GET", "/sync", runner_handlers.sync),
    Route("POST", "/reconcile", runner_handlers.reconcile),
    Route("POST", "/nudge", runner_handlers.nudge),
    Route("GET", "/queues", data_handlers.queues),
    Route("GET", "/queues/{queue}/status", data_handlers.queue_status),
    Route("GET", "/queues/{queue}/peek", data_handlers.queue_peek),
    Route("GET", "/state", data_handlers.namespaces),
    Route("GET", "/state/{namespace}", data_handlers.namespace),
    Route("GET", "/state/{namespace}/{key}", data_handlers.state_key),
    Route("GET", "/config", runner_handlers.config),
)
