"""Where each value of a job comes from: the merge of the reader itself says it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.manifests import READER

from jeeves_runner.core.explanation import Explained, ExplainedKey, Origin, Statement, explain
from jeeves_runner.core.manifest.budget import Size
from jeeves_runner.core.manifest.context import Layer, combine, with_defaults

PATH = "jobs.d/sub/mail.yaml"
CONFIG = Statement("Europe/Berlin", Origin.CONFIG, "jeeves-runner.yaml", ("timezone",))


def explained(text: str, *folders: dict[str, Any], complete: bool = True) -> Explained:
    layers = tuple(Layer(values, Size(), f"jobs.d/{n}.yaml") for n, values in enumerate(folders))
    found = explain(READER, PATH, text.encode(), layers, "fetch", {"timezone": CONFIG}, complete=complete)
    assert found is not None
    return found


def told(text: str, *folders: dict[str, Any]) -> dict[str, ExplainedKey]:
    return {key.key: key for key in explained(text, *folders).keys}


def places(key: ExplainedKey) -> list[tuple[object, str | None]]:
    """What is in force, and what that took the place of, outermost first: each with its file."""
    return [(each.value, each.file) for each in (*key.overrides, key.said)]


def test_each_layer_is_named_that_said_something_of_a_key() -> None:
    text = "defaults: {timeout: 6m}\njobs: [{id: fetch, run: x, timeout: 7m}, {id: other, run: x}]\n"
    keys = told(text, {"timeout": "4m"}, {"timeout": "5m", "priority": 3})
    timeout = keys["timeout"]
    assert places(timeout) == [
        ("4m", "jobs.d/0.yaml"),
        ("5m", "jobs.d/1.yaml"),
        ("6m", PATH),
        ("7m", PATH),
    ]
    assert [each.origin for each in timeout.overrides] == ["folder_defaults"] * 2 + ["file_defaults"]
    assert [each.path for each in timeout.overrides[1:]] == [("defaults", "timeout")] * 2
    assert (timeout.said.origin, timeout.said.path) == (Origin.JOB, ("jobs", 0, "timeout"))
    assert places(keys["priority"]) == [(3, "jobs.d/1.yaml")]
    assert places(keys["catch_up_window"]) == [("12h", None)]
    assert keys["catch_up_window"].said.origin is Origin.BUILT_IN


def test_what_is_merged_by_key_is_told_by_key_and_all_else_as_a_whole() -> None:
    defaults = {"env": {"A": "1", "B": "2"}, "retries": {"limit": 3}, "expect": {"start_within": "5m"}}
    keys = told(
        "id: fetch\nrun: x\nenv: {B: '3'}\nretries: {delay: 1m}\nexpect: {finish_within: 1h}\n", defaults
    )
    assert places(keys["env.A"]) == [("1", "jobs.d/0.yaml")]
    assert places(keys["env.B"]) == [("2", "jobs.d/0.yaml"), ("3", PATH)]
    assert places(keys["retries.limit"]) == [(3, "jobs.d/0.yaml")]
    assert places(keys["retries.delay"]) == [("1m", PATH)]
    assert places(keys["retries.backoff"]) == [("fixed", None)]
    assert places(keys["expect"]) == [
        ({"start_within": "5m"}, "jobs.d/0.yaml"),
        ({"finish_within": "1h"}, PATH),
    ]


def test_null_leaves_the_built_in_value_and_says_so() -> None:
    key = told("id: fetch\nrun: x\nkill_grace: null\n", {"kill_grace": "30s"})["kill_grace"]
    assert places(key) == [("30s", "jobs.d/0.yaml"), (None, PATH), ("10s", None)]
    assert key.reason == "null takes the default away"
    key = told("id: fetch\nrun: x\non_failure: null\n", {"on_failure": "C0AAAAAAAA"})["on_failure"]
    assert places(key) == [("C0AAAAAAAA", "jobs.d/0.yaml"), (None, PATH)]  # none is a value of this key
    assert key.reason is None


def test_a_mapping_after_null_begins_anew() -> None:
    keys = told("id: fetch\nrun: x\nenv: {A: '3'}\n", {"env": {"A": "1", "B": "2"}}, {"env": None})
    assert places(keys["env.A"]) == [("1", "jobs.d/0.yaml"), (None, "jobs.d/1.yaml"), ("3", PATH)]
    assert "env.B" not in keys
    keys = told("id: fetch\nrun: x\nenv: {A: '3'}\n", {"env": {}})
    assert places(keys["env.A"]) == [("3", PATH)]


def test_a_default_that_is_not_for_the_type_of_the_job_is_left_out() -> None:
    defaults = {"session": {"max_tokens": 5}, "retries": {"limit": 1, "on_exit_codes": [75]}}
    keys = told("id: fetch\nrun: x\n", defaults)
    assert (keys["session.max_tokens"].said.value, keys["session.max_tokens"].reason) == (
        None,
        "it is not for jobs of this type",
    )
    assert "session" not in keys
    keys = told("id: fetch\ntype: session\nprompt: x\n", defaults)
    assert places(keys["session.max_tokens"]) == [(5, "jobs.d/0.yaml")]
    assert keys["retries.on_exit_codes"].reason == "it is not for jobs of this type"


def test_a_setting_of_the_config_is_the_default_of_its_key() -> None:
    assert told("id: fetch\nrun: x\n")["timezone"].said == CONFIG
    key = told("id: fetch\nrun: x\ntimezone: UTC\n")["timezone"]
    assert (key.said.value, key.overrides) == ("UTC", (CONFIG,))


def test_secrets_are_told_by_reference_and_what_they_replace_not_at_all() -> None:
    keys = told(
        "id: fetch\nrun: x\nenv: {TOKEN: {file: t}}\nheartbeat: {from_env: PING}\n",
        {"env": {"TOKEN": "hunter2", "A": "b"}, "heartbeat": "https://box/hunter2"},
    )
    assert places(keys["env.TOKEN"]) == [("***", "jobs.d/0.yaml"), ({"file": "t"}, PATH)]
    assert places(keys["heartbeat"]) == [("***", "jobs.d/0.yaml"), ({"from_env": "PING"}, PATH)]
    assert keys["env.A"].said.value == "b"


def test_what_a_parameter_says_of_its_secret_values_is_not_told() -> None:
    params = {"pin": {"type": "string", "secret": True, "default": "hunter2"}, "day": {"type": "string"}}
    found = explained(json.dumps({"id": "fetch", "run": "x", "params": params}))
    assert found.text is None  # a secret may have no default
    (key,) = [each for each in found.keys if each.key == "params"]
    assert key.said.value == {**params, "pin": {"type": "string", "secret": True, "default": "***"}}


def test_of_a_broken_job_only_what_is_written_is_told() -> None:
    found = explained(
        "id: fetch\nrun: x\ntimeout: 5\nscheduel: x\nretries: 3\nenv: {A: '1'}\n", {"priority": 3}
    )
    assert found.text is None
    assert {key.key: key.said.value for key in found.keys} == {
        "id": "fetch",
        "run": "x",
        "env.A": "1",
        "timeout": 5,
        "retries": 3,
        "priority": 3,
        "scheduel": "x",
    }
    assert explained("id: fetch\nrun: x\n", complete=False).text is None


def test_another_job_is_not_this_one() -> None:
    assert explain(READER, PATH, b"run: x\n", (), "fetch", {}, complete=True) is None
    assert explain(READER, "jobs.d/fetch.yaml", b"run: x\n", (), "fetch", {}, complete=True) is not None
    assert explain(READER, PATH, b"run: [\n", (), "fetch", {}, complete=True) is None


LAYERS = st.fixed_dictionaries(
    {},
    optional={
        "timeout": st.sampled_from(["5m", "6m", None]),
        "priority": st.sampled_from([1, 2, None]),
        "on_failure": st.sampled_from(["C0AAAAAAAA", None]),
        "tags": st.sampled_from([[], ["a"], None]),
        "expect": st.sampled_from([{"start_within": "5m"}, {"finish_by": "08:00"}, None]),
        "env": st.none() | st.dictionaries(st.sampled_from("ABC"), st.sampled_from(["1", "2"])),
        "retries": st.none() | st.dictionaries(st.just("limit"), st.integers(0, 2), min_size=1),
    },
)


@given(LAYERS, LAYERS, LAYERS, LAYERS)
def test_what_is_told_is_what_the_merge_comes_to(
    outer: dict[str, Any], inner: dict[str, Any], own: dict[str, Any], job: dict[str, Any]
) -> None:
    entry = {"id": "fetch", "run": "x"} | job
    keys = told(json.dumps({"defaults": own, "jobs": [entry]}), outer, inner)
    merged = with_defaults(entry, combine([outer, inner, own]), READER.rules.unset_by_null)
    whole = {
        f"{key}.{name}": each
        for key, value in merged.items()
        if key in ("env", "retries") and value
        for name, each in value.items()
    } | {key: value for key, value in merged.items() if key not in ("env", "retries") or not value}
    assert {
        name: key.said.value
        for name, key in keys.items()
        if key.said.file == PATH or (key.said.origin is Origin.FOLDER_DEFAULTS)
    } == whole
