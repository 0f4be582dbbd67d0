"""The routes of jobs."""

from typing import Final

from jeeves_runner.api.callers import RunMay
from jeeves_runner.api.handlers import jobs, runs
from jeeves_runner.api.route import Route, act, look
from jeeves_runner.views.jobs import JobDocument, JobsDocument
from jeeves_runner.views.runner import OkDocument
from jeeves_runner.views.runs import ResultDocument, RunDocument, RunsDocument
from jeeves_runner.views.why import WhyDocument

JOBS: Final[tuple[Route, ...]] = (
    look("/jobs", "The live jobs, by id", jobs.jobs, {200: JobsDocument, 304: None}),
    look("/jobs/{job}", "A job with all that is known of it", jobs.job, {200: JobDocument}, problems={404}),
    look(
        "/jobs/{job}/runs",
        "The runs of a job, deleted or not, newest first",
        runs.runs_of_job,
        {200: RunsDocument, 304: None},
        problems={404},
    ),
    look(
        "/jobs/{job}/why", "Why a job ran at a time, or did not", jobs.why, {200: WhyDocument}, problems={404}
    ),
    act(
        "/jobs/{job}/run",
        "Run a job now, and wait for the end",
        runs.run_job,
        {200: ResultDocument, 202: RunDocument},
        problems={404, 409},
        run_may=RunMay.TRIGGERS,
    ),
    act(
        "/jobs/{job}/pause",
        "Let a job start no more, until a time or until resumed",
        jobs.pause_job,
        {200: JobDocument},
        problems={404},
    ),
    act("/jobs/{job}/resume", "End the pause of a job", jobs.resume_job, {200: JobDocument}, problems={404}),
    act(
        "/jobs/{job}/skip",
        "Let a job not run at one time",
        jobs.skip_job,
        {200: JobDocument},
        problems={404, 409},
    ),
    act(
        "/jobs/{job}/unskip",
        "Take skips of a job back",
        jobs.unskip_job,
        {200: JobDocument},
        problems={404, 409},
    ),
    act(
        "/jobs/{job}/mute",
        "Say nothing of a job, until a time",
        jobs.mute_job,
        {200: JobDocument},
        problems={404},
    ),
    act("/jobs/{job}/unmute", "End the mute of a job", jobs.unmute_job, {200: JobDocument}, problems={404}),
    act(
        "/jobs/{job}/disable",
        "Pause a job until it is enabled",
        jobs.disable_job,
        {200: OkDocument},
        method="PATCH",
        problems={404},
    ),
    act(
        "/jobs/{job}/enable",
        "End the pause of a job",
        jobs.enable_job,
        {200: OkDocument},
        method="PATCH",
        problems={404, 409},
    ),
)
