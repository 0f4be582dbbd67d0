"""Every route, once: what the application serves, the documentation lists and the tests hold answers to."""

from typing import Final

from jeeves_runner.api import (
    alert_handlers,
    job_handlers,
    revision_handlers,
    run_handlers,
    runner_handlers,
    schedule_handlers,
)
from jeeves_runner.api import requests as of
from jeeves_runner.api.backfill_routes import BACKFILLS
from jeeves_runner.api.data_routes import DATA
from jeeves_runner.api.graph_routes import GRAPH
from jeeves_runner.api.route import AnyRoute, Declared, Role, Route
from jeeves_runner.config import Config
from jeeves_runner.views.alerts import AlertsDocument, MessageDocument
from jeeves_runner.views.jobs import JobDocument, JobsDocument
from jeeves_runner.views.lineage import RunLineageDocument
from jeeves_runner.views.occurrences import OccurrencesDocument
from jeeves_runner.views.revisions import RevisionDocument, RevisionsDocument
from jeeves_runner.views.runner import (
    CatchingUpDocument,
    HealthzDocument,
    IndexDocument,
    OkDocument,
    StatusDocument,
)
from jeeves_runner.views.runs import ResultDocument, RunDocument, RunsDocument
from jeeves_runner.views.specs import SpecsDocument
from jeeves_runner.views.sync import SyncDocument
from jeeves_runner.views.why import WhyDocument

_RUNNER: Final[tuple[AnyRoute, ...]] = (
    Route(
        method="GET",
        path="/",
        role=Role.READ,
        summary="What this server is, and where to look",
        answers={200: IndexDocument},
        handler=runner_handlers.index,
    ),
    Route(
        method="GET",
        path="/status",
        role=Role.READ,
        summary="How the runner is",
        answers={200: StatusDocument},
        handler=runner_handlers.status,
    ),
    Route(
        method="GET",
        path="/healthz",
        role=Role.OPEN,
        summary="Whether the server answers",
        answers={200: HealthzDocument},
        handler=runner_handlers.healthz,
    ),
    Route(
        method="GET",
        path="/config",
        role=Role.READ,
        summary="The settings in force",
        answers={200: Config},
        handler=runner_handlers.config,
    ),
    Route(
        method="GET",
        path="/sync",
        role=Role.READ,
        summary="How the live jobs stand against the manifests",
        answers={200: SyncDocument},
        handler=runner_handlers.sync,
    ),
    Route(
        method="POST",
        path="/reconcile",
        role=Role.OPERATE,
        summary="Look at the manifests now, and apply what the look finds",
        answers={202: SyncDocument},
        handler=runner_handlers.reconcile,
    ),
    Route(
        method="POST",
        path="/nudge",
        role=Role.OPERATE,
        summary="Look now for what others have written to the database",
        answers={204: None},
        handler=runner_handlers.nudge,
    ),
)

_JOBS: Final[tuple[AnyRoute, ...]] = (
    Route(
        method="GET",
        path="/jobs",
        role=Role.READ,
        summary="The live jobs, by id",
        query=of.JobsQuery,
        answers={200: JobsDocument},
        handler=job_handlers.jobs,
    ),
    Route(
        method="GET",
        path="/jobs/{job}",
        role=Role.READ,
        summary="A job with all that is known of it",
        path_values=of.JobPath,
        answers={200: JobDocument},
        problems=frozenset({404}),
        handler=job_handlers.job,
    ),
    Route(
        method="GET",
        path="/jobs/{job}/runs",
        role=Role.READ,
        summary="The runs of a job, deleted or not, newest first",
        path_values=of.JobPath,
        query=of.PageQuery,
        answers={200: RunsDocument},
        problems=frozenset({404}),
        handler=run_handlers.runs_of_job,
    ),
    Route(
        method="GET",
        path="/jobs/{job}/why",
        role=Role.READ,
        summary="Why a job ran at a time, or did not",
        path_values=of.JobPath,
        query=of.WhyQuery,
        answers={200: WhyDocument},
        problems=frozenset({404}),
        handler=job_handlers.why,
    ),
    Route(
        method="POST",
        path="/jobs/{job}/run",
        role=Role.OPERATE,
        summary="Run a job now, and wait for the end",
        path_values=of.JobPath,
        query=of.RunJobQuery,
        body=of.RunJobBody,
        answers={200: ResultDocument, 202: RunDocument},
        problems=frozenset({404, 409}),
        handler=run_handlers.run_job,
    ),
    Route(
        method="POST",
        path="/jobs/{job}/pause",
        role=Role.OPERATE,
        summary="Let a job start no more, until a time or until resumed",
        path_values=of.JobPath,
        body=of.OverrideBody,
        answers={200: JobDocument},
        problems=frozenset({404}),
        handler=job_handlers.pause_job,
    ),
    Route(
        method="POST",
        path="/jobs/{job}/resume",
        role=Role.OPERATE,
        summary="End the pause of a job",
        path_values=of.JobPath,
        answers={200: JobDocument},
        problems=frozenset({404}),
        handler=job_handlers.resume_job,
    ),
    Route(
        method="POST",
        path="/jobs/{job}/skip",
        role=Role.OPERATE,
        summary="Let a job not run at one time",
        path_values=of.JobPath,
        body=of.SkipBody,
        answers={200: JobDocument},
        problems=frozenset({404, 409}),
        handler=job_handlers.skip_job,
    ),
    Route(
        method="POST",
        path="/jobs/{job}/unskip",
        role=Role.OPERATE,
        summary="Take skips of a job back",
        path_values=of.JobPath,
        body=of.UnskipBody,
        answers={200: JobDocument},
        problems=frozenset({404, 409}),
        handler=job_handlers.unskip_job,
    ),
    Route(
        method="POST",
        path="/jobs/{job}/mute",
        role=Role.OPERATE,
        summary="Say nothing of a job, until a time",
        path_values=of.JobPath,
        body=of.OverrideBody,
        answers={200: JobDocument},
        problems=frozenset({404}),
        handler=job_handlers.mute_job,
    ),
    Route(
        method="POST",
        path="/jobs/{job}/unmute",
        role=Role.OPERATE,
        summary="End the mute of a job",
        path_values=of.JobPath,
        answers={200: JobDocument},
        problems=frozenset({404}),
        handler=job_handlers.unmute_job,
    ),
    Route(
        method="PATCH",
        path="/jobs/{job}/disable",
        role=Role.OPERATE,
        summary="Pause a job until it is enabled",
        path_values=of.JobPath,
        answers={200: OkDocument},
        problems=frozenset({404}),
        handler=job_handlers.disable_job,
    ),
    Route(
        method="PATCH",
        path="/jobs/{job}/enable",
        role=Role.OPERATE,
        summary="End the pause of a job",
        path_values=of.JobPath,
        answers={200: OkDocument},
        problems=frozenset({404, 409}),
        handler=job_handlers.enable_job,
    ),
)

_SCHEDULE: Final[tuple[AnyRoute, ...]] = (
    Route(
        method="GET",
        path="/schedule",
        role=Role.READ,
        summary="What comes, and what came",
        query=of.ScheduleQuery,
        answers={200: OccurrencesDocument},
        problems=frozenset({404}),
        handler=schedule_handlers.schedule,
    ),
    Route(
        method="GET",
        path="/catching-up",
        role=Role.READ,
        summary="The jobs that are late and wait for their moment",
        answers={200: CatchingUpDocument},
        handler=runner_handlers.catching_up,
    ),
)

_RUNS: Final[tuple[AnyRoute, ...]] = (
    Route(
        method="GET",
        path="/runs",
        role=Role.READ,
        summary="Runs, newest first",
        query=of.RunsQuery,
        answers={200: RunsDocument},
        problems=frozenset({404}),
        handler=run_handlers.runs,
    ),
    Route(
        method="GET",
        path="/runs/{run}",
        role=Role.READ,
        summary="A run with all that is recorded of it",
        path_values=of.RunPath,
        query=of.LookQuery,
        answers={200: RunDocument},
        problems=frozenset({404}),
        handler=run_handlers.run,
    ),
    Route(
        method="GET",
        path="/runs/{run}/lineage",
        role=Role.READ,
        summary="What led to a run, and what it led to",
        path_values=of.RunPath,
        answers={200: RunLineageDocument},
        problems=frozenset({404}),
        handler=run_handlers.lineage,
    ),
    Route(
        method="GET",
        path="/runs/{run}/logs",
        role=Role.READ,
        summary="What a run wrote",
        path_values=of.RunPath,
        answers={200: str, 206: str, 304: None},
        problems=frozenset({404}),
        handler=run_handlers.logs,
    ),
    Route(
        method="POST",
        path="/runs/{run}/cancel",
        role=Role.OPERATE,
        summary="End a run that runs or waits",
        path_values=of.RunPath,
        answers={202: RunDocument},
        problems=frozenset({404, 409}),
        handler=run_handlers.cancel_run,
    ),
)

_ALERTS: Final[tuple[AnyRoute, ...]] = (
    Route(
        method="GET",
        path="/alerts",
        role=Role.READ,
        summary="What is wrong, and what people are told of it",
        query=of.AlertsQuery,
        answers={200: AlertsDocument},
        handler=alert_handlers.alerts,
    ),
    Route(
        method="POST",
        path="/alerts/test",
        role=Role.OPERATE,
        summary="Send a message to a channel, to see whether it arrives",
        body=of.TestBody,
        answers={202: MessageDocument},
        handler=alert_handlers.test,
    ),
)

_REVISIONS: Final[tuple[AnyRoute, ...]] = (
    Route(
        method="GET",
        path="/specs",
        role=Role.READ,
        summary="All that is live as it was declared, for manifests to be compared with",
        answers={200: SpecsDocument},
        handler=revision_handlers.specs,
    ),
    Route(
        method="GET",
        path="/revisions",
        role=Role.READ,
        summary="What was applied, newest first",
        query=of.PageQuery,
        answers={200: RevisionsDocument},
        handler=revision_handlers.revisions,
    ),
    Route(
        method="GET",
        path="/revisions/{revision}",
        role=Role.READ,
        summary="An apply with all that it changed",
        path_values=of.RevisionPath,
        answers={200: RevisionDocument},
        problems=frozenset({404}),
        handler=revision_handlers.revision,
    ),
)

ROUTES: Final[tuple[AnyRoute, ...]] = (
    *_RUNNER,
    *_JOBS,
    *_SCHEDULE,
    *GRAPH,
    *_RUNS,
    *BACKFILLS,
    *_ALERTS,
    *_REVISIONS,
    *DATA,
)

DECLARED: Final = (
    Declared(path="/jobs", where=job_handlers.where_jobs_are),
    Declared(path="/jobs/{job}", where=job_handlers.where_job_is),
    Declared(path="/jobs/{job}/{part:.+}", where=job_handlers.where_job_is),
)
