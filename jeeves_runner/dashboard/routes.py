"""Every page, once."""

from typing import Final

from jeeves_runner.api.callers import Role
from jeeves_runner.api.pages import Pages
from jeeves_runner.api.route import Route, look
from jeeves_runner.dashboard import files
from jeeves_runner.dashboard.act_routes import ACTS
from jeeves_runner.dashboard.manner import PEOPLE
from jeeves_runner.dashboard.pages import (
    alerts,
    audit,
    graph,
    job,
    jobs,
    overview,
    queue,
    queues,
    revisions,
    run,
    runs,
    schedule,
    state,
    sync,
    timeline,
)

PAGES: Final[tuple[Route, ...]] = (
    look(f"{files.PLACE}/{{version}}/{{file}}", "What pages load", files.file, {200: str}, role=Role.OPEN),
    look("/alerts", "What is wrong, and what is told", alerts.alerts, {200: str}),
    look("/", "How it stands", overview.overview, {200: str}),
    look("/jobs", "The jobs", jobs.jobs, {200: str}),
    look(
        "/jobs/{job}", "A job, with all that is known of it", job.job, {200: str, 302: None}, problems={404}
    ),
    look("/queues", "The queues", queues.queues, {200: str}),
    look("/queues/{queue}", "A queue, with what is in it", queue.queue, {200: str}, problems={404}),
    look("/state", "What scripts keep", state.namespaces, {200: str}),
    look("/state/{namespace}", "The keys of a namespace", state.namespace, {200: str}, problems={404}),
    look("/state/{namespace}/{key}", "A key, with its items", state.state_key, {200: str}, problems={404}),
    look("/runs", "Runs, newest first", runs.runs, {200: str}),
    look("/runs/{run}", "A run, with its log", run.run, {200: str}, problems={404}),
    look("/graph", "The graph, drawn", graph.graph, {200: str}),
    look("/schedule", "What comes", schedule.coming, {200: str}),
    look("/audit", "Who did what", audit.audit, {200: str}),
    look("/revisions", "What was applied", revisions.revisions, {200: str}),
    look(
        "/revisions/{revision}",
        "An apply, and all that it changed",
        revisions.revision,
        {200: str},
        problems={404},
    ),
    look("/sync", "How it stands against the manifests", sync.sync, {200: str}),
    look("/timeline", "What ran when, by job", timeline.timeline_page, {200: str}),
    *ACTS,
)

DASHBOARD: Final = Pages(routes=PAGES, manner=PEOPLE)
