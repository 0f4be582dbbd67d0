"""What starts a job besides its schedule and people, in words."""

import json
from typing import Any

import pytest

from jeeves_runner.core.edge_spec import After, OnChange, OnQueue
from jeeves_runner.core.model import JobSpec
from jeeves_runner.core.schedule_entry import starting_text
from jeeves_runner.core.spec_texts import encode, spec_to_json
from jeeves_runner.core.start_words import start_words


def test_each_way_has_its_words() -> None:
    spec = JobSpec(
        id="a", name="a", after=After(("b", "c")), on_queue=OnQueue("mail"), on_change=OnChange(("in/*",)),
        on_start=True,
    )  # fmt: skip
    assert start_words(json.loads(encode(spec_to_json(spec)))) == [
        "after b, c",
        "by items of queue mail",
        "when in/* changes",
        "when a server starts",
    ]
    assert start_words(spec_to_json(JobSpec(id="a", name="a"))) == []


def test_of_many_the_first_few_are_named() -> None:
    spec = {"after": {"jobs": [f"j{n}" for n in range(40)]}, "on_change": {"of": ["a", "b"]}}
    assert start_words(spec) == ["after j0, j1, j2, j3, j4 and 35 more", "when a, b change"]


@pytest.mark.parametrize(
    "spec",
    [{}, {"after": "b"}, {"after": {"jobs": 3}}, {"on_queue": {"queue": None}}, {"on_change": {"of": [1]}}],
)
def test_what_was_changed_by_hand_says_nothing(spec: dict[str, Any]) -> None:
    assert start_words(spec) == []


def test_a_schedule_stands_first_and_a_job_without_anything_waits_to_be_asked() -> None:
    assert starting_text("0 3 * * *", ["after b"]) == "0 3 * * * | after b"
    assert starting_text(None, ["after b"]) == "after b"
    assert starting_text(None, []) == "when triggered"
