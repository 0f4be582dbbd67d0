"""What a filter offers to choose from."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from jeeves_runner.views.job_search import JobMarks

MOST: Final = 100
"""Choices at most: a longer list is no help."""


def offered(each: Iterable[str], chosen: str) -> Sequence[str]:
    """The most common ones, by the alphabet, and what was chosen in any case."""
    return sorted({name for name, _ in Counter(each).most_common(MOST)} | ({chosen} - {""}))


def tags_offered(jobs: Iterable[JobMarks], chosen: str) -> Sequence[str]:
    """The same of the tags that jobs have."""
    return offered((tag for job in jobs for tag in job.tags), chosen)
