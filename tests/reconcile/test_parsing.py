"""Reading in several processes gives what reading in one gives, and one file cannot break the others."""

import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from jeeves_runner.core.manifest.context import Context
from jeeves_runner.core.manifest.reader import FileResult, ManifestReader
from jeeves_runner.reconcile import parsing as reading
from jeeves_runner.reconcile.parsing import Reading, Request
from jeeves_runner.schemas_text import manifest_schema
from jeeves_runner.sources.folder import SourceFile

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


def test_a_file_that_trips_the_reader_is_a_problem_of_that_file_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read = ManifestReader.read

    def trip(
        self: ManifestReader, path: str, data: bytes, defaults: Sequence[Mapping[str, Any]] = ()
    ) -> FileResult:
        if path == "b.yaml":
            raise IndexError("list index out of range")
        return read(self, path, data, defaults)

    monkeypatch.setattr(ManifestReader, "read", trip)
    requests = [Request(f"{name}.yaml", b"run: x\ntimeout: 1m\n", ()) for name in "abc"]
    results = Reading(manifest_schema(), CONTEXT).read(requests)
    assert [[entry.id for entry in result.entries] for result in results] == [["a"], [], ["c"]]
    assert [result.broken for result in results] == [False, True, False]
    (problem,) = results[1].problems
    assert (problem.code, problem.is_error) == ("internal", True)
    assert "IndexError: list index out of range (test_parsing.py:" in problem.message
    (record,) = caplog.records
    assert record.exc_info


def test_defaults_that_trip_the_reader_are_broken_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    def trip(_self: ManifestReader, _path: str, _data: bytes) -> None:
        raise IndexError("list index out of range")

    monkeypatch.setattr(ManifestReader, "read_defaults", trip)
    file = SourceFile(path="_defaults.yaml", data=b"defaults: {}\n")
    layer, problems = Reading(manifest_schema(), CONTEXT).read_defaults(file)
    assert (layer, [problem.code for problem in problems]) == (None, ["internal"])
