"""The names by which the sessions of a runner are known to the gateway.

A session's label is the only thing by which it can be found when its key never arrived, so no two runs have
the same one: the ids of runs begin at 1 in every database, and the mark tells them apart.
"""

from typing import Final

DEFAULT_PREFIX: Final = "jr"
"""How labels begin where the job does not say."""

JOBS: Final = "agent:main:runner-"
"""How the keys of parents begin; the job follows."""

_MARK_LENGTH: Final = 8
"""Characters of a run's mark that its label ends with."""


def label_of(prefix: str | None, job_id: str, run_id: int, mark: str) -> str:
    """The label of a run's session."""
    return (prefix or DEFAULT_PREFIX) + tail_of(job_id, run_id, mark)


def tail_of(job_id: str, run_id: int, mark: str) -> str:
    """What a run's label ends with, whatever its prefix is."""
    return f"-{job_id}-{run_id}-{mark[:_MARK_LENGTH]}"


def parent_of(job_id: str) -> str:
    """The key of the session that those of a job are children of. The gateway needs no session of that name.

    Each job has its own: the gateway allows a parent few children at once.
    """
    return JOBS + job_id


def search_for(key: str) -> str:
    """What a list of sessions is searched for to find the one of this key: its last part, which is random."""
    return key.rpartition(":")[2]
