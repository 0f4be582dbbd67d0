"""``pause`` and ``resume``: no more starts of a job, until a time or until resumed."""

from jeeves_runner.cli.overriding import PAUSE, begins, finishes

pause = begins(
    PAUSE,
    "All jobs, those to come as well.",
    """Stop jobs from starting, until a time or until resumed; a run that runs goes on.

    What falls into the pause is skipped and never caught up. Another pause replaces it; a pause of all jobs
    comes on top of those of single ones.
    """,
)
resume = finishes(
    PAUSE,
    "End the pause of all jobs; those of single jobs stay.",
    "End the pauses of jobs, or the one of all jobs. What was missed meanwhile is not caught up.",
)
