"""Which variables of the runner jobs inherit, and what a plan does to that."""

import json

import pytest

from jeeves_runner.core.inheritance import (
    OF_THE_RUNNER,
    Consequence,
    Patterns,
    Taken,
    consequences,
    is_inherited,
    variables_in,
)


@pytest.mark.parametrize("patterns", [None, (), ("*",), ("PATH",)])
@pytest.mark.parametrize("taken", [frozenset(), frozenset({"PATH", "HOME", "LC_TIME"})])
def test_what_hardly_a_program_works_without_is_always_inherited(
    patterns: Patterns, taken: frozenset[str]
) -> None:
    for name in ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_TIME", "TZ"):
        assert is_inherited(name, patterns, taken)


@pytest.mark.parametrize("name", [*sorted(OF_THE_RUNNER), "JR_TOKEN", "JR_"])
def test_what_is_the_runners_own_is_never_inherited(name: str) -> None:
    assert not is_inherited(name, None, ())
    assert not is_inherited(name, (name, "*"), ())


@pytest.mark.parametrize(
    ("name", "patterns", "taken", "inherited"),
    [
        ("APP_URL", None, (), True),
        ("APP_URL", None, ("APP_URL",), False),
        ("APP_URL", (), (), False),
        ("APP_URL", ("APP_URL",), (), True),
        ("APP_URL", ("APP_*",), (), True),
        ("APP_URL", ("APP_*",), ("APP_URL",), False),
        ("APP_URL", ("APP",), (), False),
        ("APP_URL", ("app_*",), (), False),
        ("APP_1", ("APP_?",), (), True),
        ("APP_10", ("APP_?",), (), False),
        ("APP_b", ("APP_[abc]",), (), True),
        ("APP_d", ("APP_[abc]",), (), False),
        ("LANGUAGE", (), (), False),
    ],
)
def test_names_and_patterns(name: str, patterns: Patterns, taken: tuple[str, ...], inherited: bool) -> None:
    assert is_inherited(name, patterns, taken) is inherited


def test_the_variables_of_a_spec() -> None:
    env = {"A": {"from_env": "X"}, "B": {"file": "from_env"}, "C": '{"from_env":"Y"}', "D": {"from_env": "Z"}}
    assert variables_in(json.dumps({"script": 'echo "from_env"', "env": env})) == {"X", "Z"}
    assert variables_in('{"id":"a","env":{}}') == frozenset()
    assert variables_in('{"id":"a","env":{},"heartbeat":{"from_env":"PING"}}') == {"PING"}
    assert variables_in('{"id":"a","env":{"A":"\\"from_env\\""},"heartbeat":"https://box"}') == frozenset()


def taken(jobs: int, **by_job: str) -> Taken:
    return Taken(jobs, {job: frozenset(names.split()) for job, names in by_job.items()})


def said(before: Taken, after: Taken, patterns: Patterns = None) -> list[str]:
    return [each.message for each in consequences(before, after, patterns)]


def test_a_variable_that_is_newly_taken_is_hidden_from_the_others() -> None:
    assert list(consequences(taken(2), taken(2, a="X"), None)) == [
        Consequence("hides_variable", "X", "X is hidden from all other jobs: job a takes it as a secret")
    ]
    after = taken(9, e="X", c="X", b="X", a="X", d="X")
    assert said(taken(9), after) == [
        "X is hidden from all other jobs: jobs a, b, c and 2 more take it as a secret"
    ]


def test_a_variable_that_is_taken_no_longer_is_inherited_again() -> None:
    assert list(consequences(taken(2, a="X"), taken(1), None)) == [
        Consequence(
            "shows_variable", "X", "X is inherited by all jobs again: none takes it as a secret any more"
        )
    ]


def test_what_stays_as_it_was_is_not_told() -> None:
    assert said(taken(2, a="X Y"), taken(2, b="X Y")) == []


def test_what_concerns_no_other_job_is_not_told() -> None:
    assert said(taken(0), taken(2, a="X", b="X")) == []
    assert said(taken(2, a="X", b="X"), taken(0)) == []


def test_what_jobs_never_or_always_inherit_is_not_told() -> None:
    assert said(taken(2), taken(2, a="PYTHONPATH JR_X HOME LC_ALL")) == []
    assert said(taken(2), taken(2, a="X APP_Y"), ("APP_*",)) == [
        "APP_Y is hidden from all other jobs: job a takes it as a secret"
    ]
