"""The end of a run's output that is kept in its row, and what is said of the rest."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.outputs import collected, cut_at


def test_no_output_has_no_tail() -> None:
    assert collected().stdout_tail is None


def test_a_hundred_lines_are_kept_whole() -> None:
    text = "".join(f"{n}\n" for n in range(100))
    assert collected(text.encode()).stdout_tail == text


def test_of_more_lines_the_last_hundred_are_kept_and_the_cut_is_told() -> None:
    text = "".join(f"{n}\n" for n in range(1334))
    tail = collected(text.encode()).stdout_tail
    assert tail is not None
    assert tail.splitlines() == ["… 1234 lines cut", *(str(n) for n in range(1234, 1334))]


def test_an_unfinished_last_line_counts_as_a_line() -> None:
    text = "".join(f"{n}\n" for n in range(100)) + "unfinished"
    tail = collected(text.encode()).stdout_tail
    assert tail is not None
    assert tail.splitlines()[:2] == ["… 1 line cut", "1"]
    assert tail.endswith("99\nunfinished")


def test_long_lines_are_cut_at_64_kib_and_a_line_start() -> None:
    lines = [f"{n:04}" + "x" * 2000 + "\n" for n in range(60)]
    tail = collected("".join(lines).encode()).stdout_tail
    assert tail is not None
    shown = tail.splitlines(keepends=True)
    assert shown[1:] == lines[-32:]
    assert shown[0] == "… 28 lines cut\n"


def test_of_one_giant_line_the_end_is_kept() -> None:
    tail = collected(("ü" * 100_000 + "end").encode()).stdout_tail
    assert tail is not None
    first, rest = tail.split("\n", 1)
    assert rest.endswith("üend")
    assert "\ufffd" not in rest
    assert 65_000 < len(rest.encode()) <= 65_536
    assert first == f"… {200_003 - len(rest.encode())} bytes of this line cut"


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("chunk", [1000, 65_536, 10**6])
def test_of_lines_and_the_start_of_a_giant_one_both_are_told(end: str, chunk: int) -> None:
    text = "one\ntwo\n" + "x" * 70_000 + end
    tail = collected(*cut_at(text.encode(), list(range(0, len(text), chunk)))).stdout_tail
    assert tail is not None
    first, rest = tail.split("\n", 1)
    assert first == f"… 2 lines and {70_000 + len(end) - 65_536} bytes of this line cut"
    assert text.endswith(rest)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 3) | st.integers(30_000, 70_000), min_size=1, max_size=8),
    st.booleans(),
    st.lists(st.integers(0, 200_000), max_size=5),
)
def test_what_a_tail_tells_to_be_cut_and_what_it_keeps_are_all(
    lengths: list[int], ended: bool, places: list[int]
) -> None:
    text = "\n".join("x" * length for length in lengths) + "\n" * ended
    tail = collected(*cut_at(text.encode(), places)).stdout_tail
    if not text or tail == text:
        return
    assert tail is not None
    first, kept = tail.split("\n", 1)
    cut = re.fullmatch(r"… (?:(\d+) lines?)?(?: and )?(?:(\d+) bytes? of this line)? cut", first)
    assert cut is not None
    missing = text.removesuffix(kept)
    assert missing.count("\n") == int(cut[1] or 0)
    assert len(missing) - (missing.rfind("\n") + 1) == int(cut[2] or 0)
