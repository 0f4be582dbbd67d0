"""Which namespace a job has. Its state stands under it, and ``H`` and ``every`` are spread by it.

It is the id that the job was first made with, so that a rename keeps both; where that is another's already,
it is ``<id>~2``, or the next number that is free.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import count
from typing import Final


class Namespaces:
    """Those of all jobs: live ones, deleted ones that may come back, and those that are yet to be."""

    def __init__(self, kept: Mapping[str, str], live: Collection[str] | None) -> None:
        """``kept``: the namespaces that are not their job's id, by id, of deleted jobs too. ``live``: the ids
        of jobs that are live; None: all are."""
        self._kept = kept
        self._live = live
        self._used = frozenset(kept.values())

    def of(self, job_id: str, earlier: Sequence[str] = ()) -> str:
        """That of a job. One that is not live goes on as the first live one of those that it was earlier."""
        if self._live is None or job_id in self._live:
            return self._kept.get(job_id, job_id)
        old = next((old for old in earlier if old in self._live), None)
        if old is not None:
            return self._kept.get(old, old)
        return self._kept.get(job_id) or free(job_id, self._used.__contains__)


BY_ID: Final = Namespaces({}, None)
"""Where no database is known: each job has its id."""


def free(job_id: str, is_used: Callable[[str], bool]) -> str:
    """The namespace of a new job. ``is_used``: whether it is another's. No id holds a ``~``."""
    names = (f"{job_id}~{number}" for number in count(2))
    return next(name for name in names if not is_used(name)) if is_used(job_id) else job_id
