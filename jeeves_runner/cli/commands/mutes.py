"""``mute`` and ``unmute``: nothing is said of a job for a time, and it goes on as it does."""

from jeeves_runner.cli.overriding import MUTE, begins, finishes

mute = begins(
    MUTE,
    "Everything, also what has no job, and jobs to come.",
    """Say nothing of jobs for a time; they run on. What is still wrong at its end is told then.

    It needs an end: --for 2h, or --until 2026-12-24T18:00. Another mute replaces it; a mute of everything
    comes on top of those of single jobs.
    """,
)
unmute = finishes(
    MUTE,
    "End the mute of everything; those of single jobs stay.",
    "End the mutes of jobs, or the one of everything. What is still wrong is told once more.",
)
