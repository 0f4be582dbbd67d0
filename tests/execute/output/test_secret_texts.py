"""Which texts are masked for a secret: every form in which programs usually print it."""

import asyncio
import json
import tracemalloc
from collections.abc import Iterable
from itertools import pairwise
from time import thread_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeeves_runner.execute.output.automaton import Automaton
from jeeves_runner.execute.output.mask import Masker, masked
from jeeves_runner.execute.output.masks import Masks
from jeeves_runner.execute.output.secret_texts import texts_of

KEY = "-----BEGIN KEY-----\nMIIBaaaaBBBB/cccc\nab==\n-----END KEY-----"


def masker_of(secrets: Iterable[str]) -> Masker:
    return Masker(Automaton(texts_of(secrets)))


def shown(output: str | bytes, *secrets: str) -> str:
    masker = masker_of(secrets)
    data = output if isinstance(output, bytes) else output.encode()
    return (masker.feed(data) + masker.close()).decode("utf-8", "surrogateescape")


# Lines


def test_a_secret_of_several_lines_is_masked_line_by_line_and_as_a_whole() -> None:
    assert shown(f"key: {KEY}.", KEY) == "key: ***."
    assert shown("1 MIIBaaaaBBBB/cccc 2\n3 -----END KEY----- 4", KEY) == "1 *** 2\n3 *** 4"


def test_line_ends_do_not_matter() -> None:
    for printed in (KEY.replace("\n", "\r\n"), KEY, KEY.replace("\n", "\\n"), KEY.replace("\n", "\\r\\n")):
        for secret in (KEY, KEY.replace("\n", "\r\n")):
            assert shown(f"<{printed}>", secret) == "<***>"


def test_a_short_line_is_left_where_it_stands_alone() -> None:
    assert shown("ab==\n", KEY) == "ab==\n"


def test_lines_that_are_masked_by_themselves_need_no_whole() -> None:
    assert texts_of(["first line\nsecond line\n"]) == (b"first line", b"second line")


def test_a_line_is_masked_without_the_blanks_around_it() -> None:
    assert shown("password:hunter2!", "user: x\n    password:hunter2!\n") == "***"


def test_blanks_and_short_values_are_not_masked() -> None:
    for secret in ("", "12345", "      ", "\n\n\n\n\n\n\n", "\t \t \t \t"):
        assert texts_of([secret]) == ()


# Escapes

ENCODERS = [
    json.dumps,
    lambda text: json.dumps(text, ensure_ascii=False),
    lambda text: json.dumps(text).replace("/", "\\/"),
    lambda text: json.dumps(text, ensure_ascii=False).replace("<", "\\u003c").replace("&", "\\u0026"),
]


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("secret", ['qu"ote\\back-secret', "pässwörd-秘密-🔑", "a\tb/c<d&e\x01f", KEY])
def test_a_secret_is_masked_as_json_writes_it(secret: str, encoder: object) -> None:
    assert callable(encoder)
    assert shown(f"value: {encoder(secret)},", secret) == 'value: "***",'


def test_a_secret_is_masked_as_gson_and_dotnet_write_it() -> None:
    """Both escape characters of base64 and of passwords that JSON itself leaves as they are."""
    secret = "ab+c/d'e\"f<é`g=="
    assert shown(r"gson: ab+c/d\u0027e\"f\u003cé`g\u003d\u003d.", secret) == "gson: ***."
    assert shown(r".net: ab\u002Bc/d\u0027e\u0022f\u003C\u00E9\u0060g==.", secret) == ".net: ***."


@pytest.mark.parametrize(
    "secret", ['qu"ote\\back-secret', 'it\'s-"both"', "pässwörd\x01\x7f", "tab\tbed\u200b", KEY]
)
def test_a_secret_is_masked_as_python_shows_it(secret: str) -> None:
    """In a dictionary that is printed, or at the end of a traceback."""
    printed = repr({"key": secret, "next": 1})
    quote = repr(secret)[0]
    assert shown(printed, secret) == f"{{'key': {quote}***{quote}, 'next': 1}}"


def test_hexadecimal_digits_may_be_capitals() -> None:
    assert shown(r"p\u00E4ssw\u00F6rd", "pässwörd") == "***"


def test_what_is_no_utf_8_is_masked_as_bytes_and_as_decoders_show_it() -> None:
    raw = b"\xffsecret\xfe-key"
    secret = raw.decode("utf-8", "surrogateescape")
    for printed in (raw, raw.decode("utf-8", "replace").encode(), json.dumps(secret).encode()):
        assert shown(b"<" + printed + b">", secret).strip('"') in ("<***>", '<"***">')


# Places


def test_overlapping_secrets_are_masked_to_their_last_byte() -> None:
    assert shown("<abcdefghijklmn>", "abcdefgh", "ghijklmn") == "<***>"
    assert shown("<abcabcabcabc>", "abcabcabc") == "<***>"
    assert shown("hunter2!hunter2!", "hunter2!") == "******"


def test_a_secret_within_a_beginning_of_another_is_masked() -> None:
    assert shown("xxabcdef-12", "abcdef", "xxabcdef-123456") == "***"
    assert shown("xxabcdef and more", "abcdef", "xxabcdef-123456") == "xx*** and more"


def test_output_that_ends_in_a_secret_shows_no_more_than_five_bytes_of_it() -> None:
    assert shown("key=hunte", "hunter2-secret") == "key=hunte"
    assert shown("key=hunter", "hunter2-secret") == "key=***"


letters = st.text("ab", min_size=6, max_size=14)


@settings(max_examples=300, deadline=None)
@given(
    secrets=st.lists(letters, min_size=1, max_size=8),
    data=st.text("abc", max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=8),
)
def test_secrets_of_few_letters_are_masked_wherever_they_overlap_and_chunks_are_cut(
    secrets: list[str], data: str, cuts: list[int]
) -> None:
    covered = [False] * len(data)
    for secret in secrets:
        for place in range(len(data)):
            if data.startswith(secret, place):
                covered[place : place + len(secret)] = [True] * len(secret)
    # The end of the output may be masked besides; what begins no secret is not.
    masker = masker_of(secrets)
    borders = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    chunks = [data[a:b].encode() for a, b in pairwise(borders)]
    result = (b"".join(map(masker.feed, chunks)) + masker.feed(b"c") + masker.close()).decode()
    plain = "".join(letter for letter, is_secret in zip(data, covered, strict=True) if not is_secret)
    assert result.replace("*", "") == plain + "c"


# Costs


@pytest.mark.parametrize("count", [1, 50, 1000])
@pytest.mark.parametrize("chunk", [100, 65_536])
def test_the_time_for_a_byte_has_a_bound_whatever_the_secrets_are(count: int, chunk: int) -> None:
    """A search for each secret by itself, or from each place again, takes minutes for this."""
    masker = masker_of("a" * (3000 - n) + f"b{n}" for n in range(count))
    data = b"a" * 262_144
    began = thread_time()
    for place in range(0, len(data), chunk):
        masker.feed(data[place : place + chunk])
    assert thread_time() - began < 5


def test_a_long_secret_of_short_lines_is_ready_soon() -> None:
    """Its lines need the whole, which has ten forms."""
    secret = 'a"/<é\n' * 10922
    began = thread_time()
    masker = masker_of([secret])
    assert thread_time() - began < 3  # by a slow way it takes minutes
    assert masker.feed(f"<{secret}>".encode()) + masker.close() == b"<***>"


def test_a_secret_of_thousands_of_lines_is_ready_soon() -> None:
    secret = "\n".join(f"{n:05}-line" for n in range(5957))
    began = thread_time()
    masker = masker_of([secret])
    assert thread_time() - began < 3  # by a slow way it takes minutes
    assert masker.feed(b"<00000-line> <05956-line> <05957-line>") == b"<***> <***> <05957-line>"


LONG = ['a"/<é\n' * 10_922, *("\n".join(f"{n:05}-line{m}" for n in range(5_400)) for m in range(3))]
"""As many and as long as the secrets of one run may be."""


def test_the_event_loop_is_not_held_while_long_secrets_are_made_ready() -> None:
    async def scenario() -> None:
        masks = Masks()
        began = thread_time()
        first, second = await asyncio.gather(masks.of(LONG), masks.of(LONG))
        assert thread_time() - began < 0.05
        assert first is second is not None
        assert Masker(first).feed(b"<00000-line2>") == b"<***>"

    asyncio.run(scenario())


def test_secrets_that_were_made_ready_are_at_hand_for_the_next_run() -> None:
    async def scenario() -> None:
        masks = Masks()
        for secrets in (LONG, ["hunter2!"]):
            made = await masks.of(secrets)
            assert await masks.of(secrets) is made is not None
        for secrets in ([], ["short"]):
            assert await masks.of(secrets) is None

    asyncio.run(scenario())


@pytest.mark.service  # a quarter of a minute
def test_what_long_secrets_take_is_given_back() -> None:
    """One of 64 KiB takes 10 MB here. A server runs jobs with different secrets for months."""

    async def scenario() -> int:
        masks = Masks()
        tracemalloc.start()
        for n in range(5):
            await masks.of([f"{n}" + 'a"\n' * 21_000])
        return tracemalloc.get_traced_memory()[0]

    try:
        assert asyncio.run(scenario()) < 70_000_000
    finally:
        tracemalloc.stop()


def test_a_text_is_masked_like_output() -> None:
    automaton = Automaton(texts_of(["hunter2!"]))
    assert masked("the file hunter2! is missing", automaton) == "the file *** is missing"
    assert masked("it ends in hunter", automaton) == "it ends in hunter"
    assert masked("as it is \ud800", None) == "as it is \ud800"
