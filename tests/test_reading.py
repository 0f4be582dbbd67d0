"""Reading in several processes gives what reading in one gives, also when one of them fails."""

import os
import signal

import pytest

from jeeves_runner import reading
from jeeves_runner.core.context import Context
from jeeves_runner.reading import Reading, Request
from jeeves_runner.schemas_text import manifest_schema

CONTEXT = Context(project_root="/p")


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    monkeypatch.setattr(reading, "WORTH_A_PROCESS", 500)
    texts = (f"run: echo {n}\ntimeout: {n}m\n" if n % 7 else "run: [\n" for n in range(1, 80))
    return [Request(f"jobs.d/j{n}.yaml", text.encode(), ({"priority": n},)) for n, text in enumerate(texts)]


def test_shares_come_back_in_the_order_of_the_requests(requests: list[Request]) -> None:
    alone = Reading(manifest_schema(), CONTEXT).read(requests)
    shared = Reading(manifest_schema(), CONTEXT, processes=3).read(requests)
    assert shared == alone
    assert [result.path for result in shared] == [request.path for request in requests]
    assert any(result.problems for result in shared)


def test_a_share_whose_process_dies_is_read_here(
    requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = Reading(manifest_schema(), CONTEXT).read(requests)
    parent = os.getpid()
    read = Reading._read

    def die_as_a_child(self: Reading, share: list[Request]) -> object:
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(self, share)

    monkeypatch.setattr(Reading, "_read", die_as_a_child)
    assert Reading(manifest_schema(), CONTEXT, processes=2).read(requests) == alone
