"""YAML as manifests use it: values, positions, and what is refused."""

from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.manifest.yaml_text import YamlError, decode, load, locate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: -7\nb: 1.5\nc: 1e3\nd: 0x1f\ne: 0o17", {"a": -7, "b": 1.5, "c": 1000.0, "d": 31, "e": 15}),
        ("a: true\nb: False\nc: ~\nd: null\ne:", {"a": True, "b": False, "c": None, "d": None, "e": None}),
        ("a: yes\nb: off", {"a": "yes", "b": "off"}),
        ("c: 0777\nd: 12:30\ne: 1_000", {"c": "0777", "d": "12:30", "e": "1_000"}),
        ("a: '1'\nb: \"true\"\nc: |\n  x\n  y\n", {"a": "1", "b": "true", "c": "x\ny\n"}),
        ("a: &x [1, 2]\nb: *x", {"a": [1, 2], "b": [1, 2]}),
        ("- 1\n- [a, {b: c}]", [1, ["a", {"b": "c"}]]),
        ("2026-12-25: x", {"2026-12-25": "x"}),
    ],
)  # fmt: skip
def test_values_follow_yaml_1_2(text: str, value: Any) -> None:
    assert load(text).value == value


@pytest.mark.parametrize(
    ("text", "line", "column", "code", "hint"),
    [
        ("id: x\nrun: a\nid: y\n", 3, 1, "duplicate_key", "keep one"),
        ("", 1, 1, "empty", "jobs: []"),
        ("# only this\n", 1, 1, "empty", "jobs: []"),
        ("a: 1\n---\nb: 2\n", 2, 1, "second_document", "jobs:"),
        ("a: !!python/object:os.system {}\n", 1, 4, "tag", "remove"),
        ("<<: {a: 1}\n", 1, 1, "merge_key", "defaults"),
        ("? [a]\n: b\n", 1, 3, "key", "quote"),
        ("true: x\n", 1, 1, "key", "quote"),
        ("a: .nan\n", 1, 4, "number", "quote"),
        ("a: -.inf\n", 1, 4, "number", "quote"),
        ("a: *nowhere\n", 1, 4, "alias", "quote"),
        ("a: " + "7" * 50_000 + "\n", 1, 4, "number", "quote"),
        ("a: 0o" + "7" * 50_000 + "\n", 1, 4, "number", "quote"),
        ("a: 0x" + "f" * 50_000 + "\n", 1, 4, "number", "quote"),
    ],
)
def test_errors_say_where_and_what_to_do(text: str, line: int, column: int, code: str, hint: str) -> None:
    with pytest.raises(YamlError) as caught:
        load(text)
    error = caught.value
    assert (error.line, error.column, error.code) == (line, column, code)
    assert hint in (error.hint or "")


def test_a_double_key_names_both_lines() -> None:
    with pytest.raises(YamlError, match="first in line 2"):
        load("jobs:\n- id: a\n  run: x\n  id: b\n")


def test_aliases_cannot_blow_up() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 9)]
    with pytest.raises(YamlError, match="aliases expand"):
        load("\n".join(lines))


def test_deep_nesting_is_refused_not_a_crash() -> None:
    with pytest.raises(YamlError, match="nested") as caught:
        load("[" * 500 + "]" * 500)
    assert "brackets" in (caught.value.hint or "")


def test_bytes_that_are_not_utf_8_are_placed() -> None:
    with pytest.raises(YamlError) as caught:
        decode(b"id: a\nname: caf\xe9\n")
    assert (caught.value.line, caught.value.column, caught.value.code) == (2, 10, "not_utf8")
    assert decode(b"\xef\xbb\xbfid: a") == "id: a"


def test_items_of_lists_know_their_lines() -> None:
    document = load("# top\njobs:\n  - id: a\n    run: x\n\n  - id: b\n")
    assert document.item_lines == {"jobs": [3, 6]}


def test_positions_of_keys_and_values() -> None:
    inner = ("jobs", 0, "env", "X")
    places = locate("jobs:\n  - id: a\n    env:\n      X: y\n", [inner, ("jobs", 0, "missing")])
    assert places.position(inner) == (4, 10)
    assert places.key_position(inner) == (4, 7)
    assert places.position(("jobs", 0, "missing")) == (2, 5)
    assert places.key_position(("jobs", 0, "missing")) == (2, 5)
    assert locate("a: 1\n", []).position(("a",)) == (1, 1)


def test_a_plain_scalar_is_known_as_it_is_written() -> None:
    paths = [(key,) for key in "abcdef"]
    places = locate("a: 1.10\nb: &x 0x1F\nc: *x\nd: '1.10'\ne: [1]\n", paths)
    assert [places.written(path) for path in paths] == ["1.10", "0x1F", "0x1F", None, None, None]


scalars = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("abc: #-'\"\n", max_size=8)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
)


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=4), values, min_size=1, max_size=4))
def test_what_pyyaml_writes_is_read_back(value: dict[str, Any]) -> None:
    assert load(yaml.safe_dump(value)).value == value


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    with suppress(YamlError):
        load(decode(data))
