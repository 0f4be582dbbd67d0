"""The routes of jobs."""

from typing import Final

from jeeves_runner.api.callers import RunMay
from jeeves_runner.api.handlers import all_jobs, jobs, runs
from jeeves_runner.api.route import Route, act, look
from jeeves_runner.views.jobs import AllMutedDocument, AllPausedDocument, JobDocument, JobsDocument
from jeeves_runner.views.runner import OkDocument
from jeeves_runner.views.runs import ResultDocument, RunDocument, RunsDocument
from jeeves_runner.views.why import WhyDocument

JOBS: Final[tuple[Route, ...]] = (
    look(
        "/jobs",
        "The live jobs, by id",
        jobs.jobs,
        {200: JobsDocument, 304: None},
        description=(
            "All of them unless `limit` is given. It has an `ETag`, which is another one only if something "
            "of the list is."
        ),
    ),
    look(
        "/jobs/{job}",
        "A job with all that is known of it",
        jobs.job,
        {200: JobDocument},
        description="`tokens_today` is told of a job with [`max_tokens_per_day`](manifest.md#sessions).",
        problems={404},
    ),
    look(
        "/jobs/{job}/runs",
        "The runs of a job, deleted or not, newest first",
        runs.runs_of_job,
        {200: RunsDocument, 304: None},
        description="It has an `ETag`, which is another one after any commit.",
        problems={404},
    ),
    look(
        "/jobs/{job}/why",
        "Why a job ran at a time, or did not",
        jobs.job_why,
        {200: WhyDocument},
        description="See [reasons](../explanation/reasons.md). It also tells of a deleted job.",
        problems={404},
    ),
    act(
        "/jobs/{job}/run",
        "Run a job now, and wait for the end",
        runs.run_job,
        {200: ResultDocument, 202: RunDocument},
        description=(
            "The answer comes once the end of the run is recorded; with retries, that of the last "
            "attempt. It may be that the run was skipped. A client that hangs up does not end it.\n\n"
            "With `?wait=30s` the answer is 202 if it has not ended by then, with the attempt it has come "
            "to; with `?wait=0s`, or the header `Prefer: respond-async`, it comes at once, and is 200 only "
            "for a run that has ended by then, such as one that was skipped. It is 202, too, from a server "
            "that is told to stop meanwhile. One that is stopping answers 503, or refuses to connect.\n\n"
            "A value of `params` is a text, or a number, true or false where the "
            "[parameter](manifest.md#parameters) is of that type. What the job does not take is answered "
            "with 400, and nothing runs. A job that is paused is not run without `force`: 409."
        ),
        problems={404, 409},
        run_may=RunMay.TRIGGERS,
    ),
    act(
        "/jobs/{job}/pause",
        "Let a job start no more, until a time or until resumed",
        jobs.pause_job,
        {200: JobDocument},
        description=(
            "`until` is as of [`pause --until`](commands.md#pause), and `for` a length of time such as "
            "`2h`; at most one of them is given."
        ),
        problems={404},
    ),
    act(
        "/jobs/{job}/resume",
        "End the pause of a job",
        jobs.resume_job,
        {200: JobDocument},
        description="A pause of all jobs goes on (`paused.all`), until `POST /resume`.",
        problems={404},
    ),
    act(
        "/jobs/{job}/skip",
        "Let a job not run at one time",
        jobs.skip_job,
        {200: JobDocument},
        description=(
            "As [`skip`](commands.md#skip) does. What is no occurrence, and one that has its run, is "
            "answered with 409."
        ),
        problems={404, 409},
    ),
    act(
        "/jobs/{job}/unskip",
        "Take skips of a job back",
        jobs.unskip_job,
        {200: JobDocument},
        description="A time that is not skipped is answered with 404.",
        problems={404, 409},
    ),
    act(
        "/jobs/{job}/mute",
        "Say nothing of a job, until a time",
        jobs.mute_job,
        {200: JobDocument},
        description="As of a pause; here one of `until` and `for` must be given.",
        problems={404},
    ),
    act(
        "/jobs/{job}/unmute",
        "End the mute of a job",
        jobs.unmute_job,
        {200: JobDocument},
        description="A mute of everything goes on (`muted.all`), until `POST /unmute`.",
        problems={404},
    ),
    act(
        "/pause",
        "Let no job start any more, until a time or until resumed",
        all_jobs.pause_all,
        {200: AllPausedDocument},
        description=(
            "As [`pause --all`](commands.md#pause) does: of the jobs to come as well, and on top of the "
            "pauses of single ones."
        ),
    ),
    act(
        "/resume",
        "End the pause of all jobs",
        all_jobs.resume_all,
        {200: AllPausedDocument},
        description="Those of single jobs go on.",
    ),
    act(
        "/mute",
        "Say nothing of any job, nor of the runner, until a time",
        all_jobs.mute_all,
        {200: AllMutedDocument},
        description="As [`mute --all`](commands.md#mute) does; one of `until` and `for` must be given.",
    ),
    act(
        "/unmute",
        "End the mute of everything",
        all_jobs.unmute_all,
        {200: AllMutedDocument},
        description="Those of single jobs go on. What is still wrong is told once more.",
    ),
    act(
        "/jobs/{job}/disable",
        "Pause a job until it is enabled",
        jobs.disable_job,
        {200: OkDocument},
        description="It is a pause without an end, whose reason is `api`.",
        method="PATCH",
        problems={404},
    ),
    act(
        "/jobs/{job}/enable",
        "End the pause of a job",
        jobs.enable_job,
        {200: OkDocument},
        description=(
            "It ends the job's own pause, also one that a command has made; a pause of all jobs goes on. "
            "A job whose manifest says `enabled: false` is answered with 409."
        ),
        method="PATCH",
        problems={404, 409},
    ),
)
