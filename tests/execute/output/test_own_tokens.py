"""A run's token shows in none of its output, wherever the chunks are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.api_tokens import parse_run_token, run_token
from jeeves_runner.execute.output.own_tokens import TokenMasker, without_tokens

TOKEN = run_token(1234, "Ab_-" * 10 + "xyz")

pieces = st.lists(
    st.sampled_from([TOKEN, TOKEN[:-1], "jrr_", "jrr", "j", "jr_", "jrr_12", "jrr_12_a", "x", "\n", "ü"]),
    max_size=6,
)


def passed_on(data: bytes, cuts: list[int]) -> bytes:
    masker = TokenMasker()
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    chunks = [data[a:b] for a, b in pairwise(places)]
    return b"".join(map(masker.feed, chunks)) + masker.close()


@given(pieces, st.lists(st.integers(0, 500), max_size=8))
def test_the_cuts_make_no_difference(texts: list[str], cuts: list[int]) -> None:
    text = "".join(texts)
    masked = passed_on(text.encode(), cuts)
    assert masked.decode() == without_tokens(text)
    assert TOKEN.encode() not in masked


def test_what_is_no_token_is_left_as_it_is() -> None:
    text = f"jrr_ jrr_12_ jrr_12_{'a' * 42} jr_{'a' * 43}"
    assert passed_on(text.encode(), [3, 9, 20]) == text.encode()


def test_a_token_is_replaced_as_secrets_are() -> None:
    assert without_tokens(f"JR_TOKEN={TOKEN}\n") == "JR_TOKEN=***\n"


@pytest.mark.parametrize(
    "text", ["", "jrr_0_" + "a" * 43, TOKEN + "a", TOKEN[:-1], TOKEN + "\n", "jr_" + "a" * 43]
)
def test_only_texts_of_its_form_are_tokens(text: str) -> None:
    assert parse_run_token(TOKEN) == (1234, "Ab_-" * 10 + "xyz")
    assert parse_run_token(text) is None
