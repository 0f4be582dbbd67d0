"""Spoilt manifests by the thousand: each is answered, soon, and every problem has a place in it.

``make campaign`` reads a million of them.
"""

import resource
from time import process_time

import pytest
from support.manifests import READER
from support.mutations import mutated

MOST_SECONDS = 2.0
MOST_MEMORY = 200 * 1024
"""Kilobytes that one of them may add to what the process has taken at most."""


def read(number: int) -> None:
    data = mutated(number)
    before, taken = process_time(), memory()
    result = READER.read("jobs.d/spoilt.yaml", data)
    assert process_time() - before < MOST_SECONDS, number
    assert memory() - taken < MOST_MEMORY, number
    lines = len(data.decode("utf-8", "replace").splitlines()) + 1
    for problem in result.problems:
        assert 1 <= problem.line <= lines, (number, problem)
        assert problem.column >= 1, (number, problem)
        assert len(problem.message) < 500, (number, problem)
        assert len(problem.hint or "") < 700, (number, problem)
        assert len(str(problem).splitlines()) == 1, (number, problem)
    assert result.entries or result.problems or result.broken or declares_nothing(data), number
    assert not result.broken or any(problem.is_error for problem in result.problems), number


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def declares_nothing(data: bytes) -> bool:
    """Whether a file without entries may be without problems too: its lists are empty."""
    return any(key in data for key in (b"jobs:", b"queues:", b"defaults:"))


def test_spoilt_manifests_are_answered() -> None:
    for number in range(1000):
        read(number)


@pytest.mark.campaign
@pytest.mark.parametrize("part", range(20))
def test_a_million_spoilt_manifests_are_answered(part: int) -> None:
    for number in range(part * 50_000, (part + 1) * 50_000):
        read(number)
