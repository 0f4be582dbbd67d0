"""Which namespace a job has, by what is known of it and of others."""

import pytest

from jeeves_runner.core.namespaces import BY_ID, Namespaces

KEPT = {"copy": "backup", "gone": "old", "backup": "backup~2"}
NAMES = Namespaces(KEPT, {"copy", "plain"})


@pytest.mark.parametrize(
    ("job_id", "earlier", "namespace"),
    [
        ("plain", [], "plain"),
        ("copy", [], "backup"),
        ("copy", ["plain"], "backup"),  # it is live, so that it takes nothing over
        ("next", ["copy"], "backup"),
        ("next", ["plain"], "plain"),
        ("next", ["never", "copy", "plain"], "backup"),
        ("gone", [], "old"),
        ("gone", ["plain"], "plain"),
        ("next", ["gone"], "next"),  # what is deleted is not carried
        ("backup", [], "backup~2"),
        ("old", [], "old~2"),
    ],
)
def test_a_job_keeps_the_id_it_was_made_with(job_id: str, earlier: list[str], namespace: str) -> None:
    assert NAMES.of(job_id, earlier) == namespace


def test_a_number_that_is_taken_is_passed_over() -> None:
    assert Namespaces({"b": "a", "c": "a~2"}, ()).of("a") == "a~3"


def test_without_a_database_each_job_has_its_id() -> None:
    assert BY_ID.of("copy", ["backup"]) == "copy"
