"""Parts of documents by JSONPath: what is selected, what is refused where, and that none takes for ever."""

import time
from typing import Any

import pytest

from jeeves_runner.core.json_path import MAX_PATH, select
from jeeves_runner.errors import InvalidValue

DOCUMENT = {
    "mail": {"seen": [3, 5, {"id": 8, "from": "ada@example.org"}]},
    "a key": None,
    "jobs": [{"id": "tidy", "age": 1}, {"id": "report", "age": 5}],
}


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("$", [DOCUMENT]),
        ("$.mail.seen[0]", [3]),
        ("$['a key']", [None]),
        ('$["a key"]', [None]),
        ("$.mail.seen[-1].id", [8]),
        ("$.mail.seen[0:2]", [3, 5]),
        ("$..id", [8, "tidy", "report"]),
        ("$.jobs[*].age", [1, 5]),
        ("$.jobs[?@.age > 3].id", ["report"]),
        ("$.jobs[?@.age > 0 && @.id != 'tidy'].id", ["report"]),
        ("$.jobs[?match(@.id, 't.*')].age", [1]),
        ("$..[?search(@.from, '@example[.]org$')].id", [8]),
        ("$.jobs[?length(@.id) == 4].age", [1]),
        ("$.jobs[?count(@.*) > 2]", []),
        ("$.jobs[?@.age == $.mail.seen[1]].id", ["report"]),
        ("$.no.such.key", []),
        ("$.jobs[?search(@.id, '(')]", []),
        ("$.jobs[?search(@.age, '1')]", []),
    ],
)
def test_a_path_selects(path: str, result: list[Any]) -> None:
    assert select(DOCUMENT, path) == result


@pytest.mark.parametrize(
    ("path", "column"),
    [
        ("", 1),
        ("mail", 1),
        (" $", 1),
        ("$mail", 2),
        ("$.a[", 5),
        ("$.a b", 5),
        ("$.jobs[?@.age >> 3]", 16),
        ("$.jobs[?no(@)]", 9),
        ("$.a | $.b", 5),
        ("$.a[?@.b =~ /x/]", 10),
        ("$.~a", 3),
        ("$.a[01]", 5),
        ("$.a[99999999999999999999]", 5),
    ],
)
def test_what_is_no_path_is_refused_with_its_column(path: str, column: int) -> None:
    with pytest.raises(InvalidValue, match=f"^path, column {column}: ") as refused:
        select(DOCUMENT, path)
    assert "TOKEN" not in str(refused.value)


NUMBERS = {"x": [1] * 500_000}
DEEP: dict[str, Any] = {}
for _ in range(300):
    DEEP = {"d": DEEP}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (NUMBERS, "$.x[*]"),
        (NUMBERS, "$..*..*..*"),
        (NUMBERS, "$.x[?@ == 2]"),
        (NUMBERS, "$.x[?1 == 2]"),
        (NUMBERS, "$.x[?@..* == 1]"),
        ({"k" * 500_000: NUMBERS["x"]}, "$..*"),
        ({"s": ["a" * 60_000] * 100}, "$.s[?match(@, '[ab]{0,999}x')]"),
        ({"s": "a" * 70_000}, "$[?search(@, 'b')]"),
        (DEEP, "$..d"),
        (DOCUMENT, "$" + "[?@" * 300 + "]" * 300),
        (DOCUMENT, "$" + ".a" * MAX_PATH),
    ],
)
def test_a_path_that_asks_for_too_much_is_refused_in_time(document: dict[str, Any], path: str) -> None:
    began = time.process_time()
    with pytest.raises(InvalidValue):
        select(document, path)
    assert time.process_time() - began < 20  # alone, a second at most


def test_an_expression_that_would_take_python_for_ever_takes_no_time() -> None:
    assert select({"s": "a" * 60_000}, "$[?search(@, '(a|aa)*(a|aa)*b')]") == []
