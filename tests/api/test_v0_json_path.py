"""Paths as jsonpath-plus, the original's library, reads them. What is expected here is what that answers."""

from typing import Final

import pytest

from jeeves_runner.api.v0.json_path import search
from jeeves_runner.errors import InvalidValue

ITEMS: Final = [{"key": "i0", "value": "v0"}, {"key": "i1", "n": {"items": [7]}}]
DOCUMENT: Final = {"port": 1937, "k": "v1", "coll": None, "a.b": 3, "items": ITEMS}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.port", [1937]),
        ("port", [1937]),
        ("$", [DOCUMENT]),
        ("$[", [DOCUMENT]),
        ("$.[", [DOCUMENT, None, ITEMS, ITEMS[0], ITEMS[1], {"items": [7]}, [7]]),
        ("$.none", []),
        (".port", []),
        ("$['port']", [1937]),
        ("$['a.b']", [3]),
        ("$.a.b", []),
        ("$.items[*].key", ["i0", "i1"]),
        ("$.items[0,1].key", ["i0", "i1"]),
        ("$.items[-1:].key", ["i1"]),
        ("$.items[::2].key", ["i0"]),
        ("$.items[5].key", []),
        ("$..key", ["i0", "i1"]),
        ("$..items", [ITEMS, [7]]),
        ("$.items.length", [2]),
        ("$.k[0]", ["v"]),
        ("$.k.length", [2]),
        ("$.*[0]", ["v", ITEMS[0]]),
        ("]", []),
        ("$$$", []),
    ],
)
def test_a_path_finds_what_it_finds_there(path: str, found: list[object]) -> None:
    assert search(path, DOCUMENT) == found


@pytest.mark.parametrize(
    "path",
    [
        "$.items[?(@.key == 'i0')]",
        "$.items[(@.length-1)]",
        "$.k^",
        "$.k~",
        "$.k@string()",
        "$" + "..*" * 8,
        "$" + ".$" * 3000,
    ],
    ids=lambda path: path[:20],
)
def test_what_is_code_or_takes_too_long_is_refused(path: str) -> None:
    deep: object = 1
    for _ in range(60):
        deep = {"k": "v", "a": [deep]}
    with pytest.raises(InvalidValue, match="JSONPath"):
        search(path, deep)
