"""Reading in several processes gives what reading in one gives, and one file cannot break the others."""

import os
import signal
from typing import Any

import pytest

from jeeves_runner.core.manifest.budget import Size
from jeeves_runner.core.manifest.context import Layer, ProjectContext
from jeeves_runner.core.manifest.file_result import FileResult
from jeeves_runner.core.manifest.reader import ManifestReader
from jeeves_runner.reconcile import parallel_reader
from jeeves_runner.reconcile.parallel_reader import ManifestInput, ParallelReader
from jeeves_runner.schemas_text import manifest_schema
from jeeves_runner.sources.contract import SourceFile

CONTEXT = ProjectContext(project_root="/p")


@pytest.fixture
def manifests(monkeypatch: pytest.MonkeyPatch) -> list[ManifestInput]:
    monkeypatch.setattr(parallel_reader, "WORTH_A_PROCESS", 500)
    texts = (f"run: echo {n}\ntimeout: {n}m\n" if n % 7 else "run: [\n" for n in range(1, 80))
    return [
        ManifestInput(f"jobs.d/j{n}.yaml", text.encode(), (Layer({"priority": n}, Size(2, 12)),))
        for n, text in enumerate(texts)
    ]


def test_shares_come_back_in_order(manifests: list[ManifestInput]) -> None:
    alone = ParallelReader(manifest_schema(), CONTEXT).read(manifests)
    shared = ParallelReader(manifest_schema(), CONTEXT, processes=3).read(manifests)
    assert shared == alone
    assert [result.path for result in shared] == [manifest.path for manifest in manifests]
    assert any(result.problems for result in shared)


def test_a_share_whose_process_dies_is_read_here(
    manifests: list[ManifestInput], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = ParallelReader(manifest_schema(), CONTEXT).read(manifests)
    parent = os.getpid()
    read = ManifestReader.read

    def die_as_a_child(self: ManifestReader, path: str, *more: Any) -> FileResult:
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(self, path, *more)

    monkeypatch.setattr(ManifestReader, "read", die_as_a_child)
    assert ParallelReader(manifest_schema(), CONTEXT, processes=2).read(manifests) == alone


def test_a_file_that_trips_the_reader_is_a_problem_of_that_file_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read = ManifestReader.read

    def trip(self: ManifestReader, path: str, *more: Any) -> FileResult:
        if path == "b.yaml":
            raise IndexError("list index out of range")
        return read(self, path, *more)

    monkeypatch.setattr(ManifestReader, "read", trip)
    manifests = [ManifestInput(f"{name}.yaml", b"run: x\ntimeout: 1m\n", ()) for name in "abc"]
    results = ParallelReader(manifest_schema(), CONTEXT).read(manifests)
    assert [[entry.id for entry in result.entries] for result in results] == [["a"], [], ["c"]]
    assert [result.broken for result in results] == [False, True, False]
    (problem,) = results[1].problems
    assert (problem.code, problem.is_error) == ("internal", True)
    assert "IndexError: list index out of range (test_parallel_reader.py:" in problem.message
    (record,) = caplog.records
    assert record.exc_info


def test_defaults_that_trip_the_reader_are_broken_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    def trip(_self: ManifestReader, _path: str, _data: bytes) -> None:
        raise IndexError("list index out of range")

    monkeypatch.setattr(ManifestReader, "read_defaults", trip)
    file = SourceFile(path="_defaults.yaml", data=b"defaults: {}\n")
    layer, problems = ParallelReader(manifest_schema(), CONTEXT).read_defaults(file)
    assert (layer, [problem.code for problem in problems]) == (None, ["internal"])
