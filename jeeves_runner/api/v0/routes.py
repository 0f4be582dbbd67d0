"""The routes of the original, apart from those of the house."""

from typing import Final

from jeeves_runner.api.callers import RunMay
from jeeves_runner.api.route import Route, act, look
from jeeves_runner.api.v0 import documents, handlers
from jeeves_runner.api.v0.config import ConfigDocument
from jeeves_runner.api.v0.manner import BASE
from jeeves_runner.views.runner import OkDocument

V0: Final[tuple[Route, ...]] = (
    look(f"{BASE}/status", "The health of the runner", handlers.status, {200: documents.Status}),
    look(
        f"{BASE}/config",
        "The settings that the original had",
        handlers.config,
        {200: ConfigDocument | documents.Found},
    ),
    look(f"{BASE}/jobs", "The live jobs as rows", handlers.jobs, {200: documents.JobsDocument}),
    look(
        f"{BASE}/jobs/{{job}}", "A job as its row", handlers.job, {200: documents.JobDocument}, problems={404}
    ),
    look(
        f"{BASE}/jobs/{{job}}/runs",
        "The runs of a job as rows",
        handlers.runs_of_job,
        {200: documents.RunsDocument},
    ),
    act(
        f"{BASE}/jobs/{{job}}/run",
        "Run a job to its end",
        handlers.run_job,
        {200: documents.ResultDocument},
        problems={404, 409},
        run_may=RunMay.TRIGGERS,
    ),
    act(
        f"{BASE}/jobs/{{job}}/disable",
        "Disable a job for now",
        handlers.disable_job,
        {200: OkDocument},
        method="PATCH",
        problems={404},
    ),
    act(
        f"{BASE}/jobs/{{job}}/enable",
        "Enable a job again",
        handlers.enable_job,
        {200: OkDocument},
        method="PATCH",
        problems={404, 409},
    ),
    look(
        f"{BASE}/queues",
        "The queues that hold items",
        handlers.queues,
        {200: documents.QueueIdsDocument},
        run_may=RunMay.ANYTHING,
    ),
    look(
        f"{BASE}/queues/{{queue}}/status",
        "The counts of a queue",
        handlers.queue_status,
        {200: documents.QueueCounts},
        run_may=RunMay.ANYTHING,
    ),
    look(
        f"{BASE}/queues/{{queue}}/peek",
        "The next items of a queue",
        handlers.queue_peek,
        {200: documents.ItemsDocument},
        run_may=RunMay.ANYTHING,
    ),
    look(
        f"{BASE}/state",
        "The namespaces that hold state",
        handlers.namespaces,
        {200: documents.NamespacesDocument},
        run_may=RunMay.ANYTHING,
    ),
    look(
        f"{BASE}/state/{{namespace}}",
        "The texts of a namespace",
        handlers.namespace,
        {200: documents.Found | dict[str, str | None]},
        run_may=RunMay.ANYTHING,
    ),
    look(
        f"{BASE}/state/{{namespace}}/{{key}}",
        "The text and the items of a key",
        handlers.collection,
        {200: documents.Collection | documents.Found},
        run_may=RunMay.ANYTHING,
    ),
)
"""They answer errors in the manner of the original, never as problems."""
