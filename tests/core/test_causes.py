"""What a run follows from, as a value, as JSON, and in words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.causes import Causes, causes_from, causes_of, in_words

IDS = st.lists(st.integers(1, 10**6), max_size=5).map(tuple)
TEXTS = st.none() | st.text(min_size=1)
CAUSES = st.builds(
    Causes, runs=IDS, items=IDS, total=st.none() | st.integers(1), queue=TEXTS, node=TEXTS, path=TEXTS
)


@given(CAUSES)
def test_causes_come_back_from_their_text(causes: Causes) -> None:
    assert causes_from(causes.as_text()) == causes


@given(CAUSES)
def test_their_value_is_that_of_their_text(causes: Causes) -> None:
    assert causes.as_json() == json.loads(causes.as_text())
    assert causes_of(causes.as_json()) == causes


@pytest.mark.parametrize("text", [None, "[]", "{", "7", '"text"'])
def test_what_another_program_wrote_is_no_cause(text: str | None) -> None:
    assert causes_from(text) is None


def test_unfit_values_are_left_out() -> None:
    assert causes_of({"runs": ["x", 7], "total": "many", "queue": 3}) == Causes(runs=(7,))


@pytest.mark.parametrize(
    ("causes", "words"),
    [
        (Causes(), ""),
        (Causes(runs=(7,)), "run 7"),
        (Causes(runs=(7, 9)), "runs 7 and 9"),
        (Causes(runs=tuple(range(1, 9))), "runs 4, 5, 6, 7, 8 and 3 before"),
        (Causes(runs=(7, 8), total=1200), "runs 7, 8 and 1,198 before"),
        (Causes(items=(4, 5, 6), queue="mail"), "3 items of queue mail: 4, 5 and 6"),
        (Causes(items=(4,), queue="mail"), "1 item of queue mail: 4"),
        (Causes(node="datastore:notes", runs=(3,)), "a change of datastore:notes, run 3"),
        (Causes(path="in/*.csv"), "a change of in/*.csv"),
        (Causes(path="in/*.csv", runs=(3, 4), total=120), "a change of in/*.csv, runs 3, 4 and 118 before"),
    ],
)
def test_causes_in_words(causes: Causes, words: str) -> None:
    assert in_words(causes) == words
