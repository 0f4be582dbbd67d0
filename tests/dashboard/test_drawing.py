"""The picture of a graph: boxes that do not lie on one another, and lines that go on to the right."""

import re
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.dashboard.drawing import HEIGHT, WIDTH, draw
from jeeves_runner.dashboard.layering import layering

NAMES = [f"n{number}" for number in range(14)]

PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=30).map(
    lambda pairs: list(dict.fromkeys(pair for pair in pairs if pair[0] != pair[1]))
)


@given(PAIRS)
def test_each_box_stands_alone_within_the_picture(pairs: list[tuple[str, str]]) -> None:
    found = draw(NAMES, pairs)
    assert set(found.boxes) == set(NAMES)
    for one, other in combinations(found.boxes.values(), 2):
        assert abs(one.x - other.x) >= WIDTH or abs(one.y - other.y) >= HEIGHT
    for box in found.boxes.values():
        assert 0 <= box.x <= found.width - WIDTH
        assert 0 <= box.y <= found.height - HEIGHT


@given(PAIRS)
def test_each_line_goes_from_box_to_box(pairs: list[tuple[str, str]]) -> None:
    found = draw(NAMES, pairs)
    assert set(found.lines) == set(pairs)
    for (start, end), path in found.lines.items():
        numbers = [float(each) for each in re.findall(r"-?\d+", path)]
        one, other = found.boxes[start], found.boxes[end]
        if (start, end) not in found.back:
            assert one.x + WIDTH < other.x
            assert abs(numbers[0] - one.x - WIDTH) <= 1
            assert abs(numbers[-2] - other.x) <= 1
        assert one.y <= numbers[1] + 1 <= one.y + HEIGHT + 2
        assert other.y <= numbers[-1] + 1 <= other.y + HEIGHT + 2


@given(PAIRS)
def test_without_what_goes_back_there_is_no_way_round(pairs: list[tuple[str, str]]) -> None:
    back = layering(NAMES, pairs).back
    left = [pair for pair in pairs if pair not in back]
    reached = {name: {name} for name in NAMES}
    for _ in NAMES:
        for start, end in left:
            reached[start] |= reached[end]
    assert not any(start in reached[end] for start, end in left)


def test_what_follows_stands_in_the_next_column() -> None:
    found = layering(["a", "b", "c", "d"], [("a", "b"), ("b", "c"), ("a", "c"), ("d", "c")])
    assert [set(column) for column in found.columns] == [{"a"}, {"b", "d", ("a", 1)}, {"c"}]
    assert found.ways["a", "c"] == ("a", ("a", 1), "c")


def test_lines_do_not_cross_where_they_need_not() -> None:
    pairs = [("a1", "b3"), ("a2", "b2"), ("a3", "b1"), ("s", "a1"), ("s", "a2"), ("s", "a3")]
    columns = layering(["s", "a1", "a2", "a3", "b1", "b2", "b3"], pairs).columns
    middle = [str(each)[1] for each in columns[1]]
    assert [str(each)[1] for each in columns[2]] == [str(4 - int(each)) for each in middle]


def test_a_pipeline_longer_than_the_stack_is_drawn() -> None:
    names = [f"n{number}" for number in range(3000)]
    found = draw(names, list(pairwise(names)))
    assert len({box.y for box in found.boxes.values()}) == 1


def test_parts_that_nothing_ties_stand_beside_and_below_one_another() -> None:
    found = draw(["a", "b", "c", "d"], [("a", "b"), ("c", "d")])
    assert found.boxes["c"].x > found.boxes["b"].x + WIDTH
    names = [f"n{number}" for number in range(20)]
    many = draw(names, list(zip(names[::2], names[1::2], strict=True)))
    assert len({box.y for box in many.boxes.values()}) > 2
