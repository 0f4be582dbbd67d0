"""What becomes of a run's output: masked, decoded and written, in one part or two."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.logs import log_file, log_place
from support.outputs import SECRETS, collected, cut_at

from jeeves_runner.execute.output.log_place import LogPlace
from jeeves_runner.execute.output.sink import Output

# Any chunking

fragments = st.one_of(
    st.sampled_from(
        [
            *(secret.encode() for secret in SECRETS),
            *(secret.encode()[:5] for secret in SECRETS),
            b'JR_RESULT:{"tokens": 3, "note": "hunter2-secret"}',
            b'JR_RESULT:{"broken"',
            b"JR_RES",
            b"abcabc",
            b"\n",
            b"\r\n",
            "€ü🙂".encode(),
            "€".encode()[:2],
            "🙂".encode()[1:],
            b"\xff\xfe",
        ]
    ),
    st.binary(max_size=12),
)
streams = st.lists(fragments, max_size=25).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(data=streams, places=st.lists(st.integers(0, 10_000), max_size=30))
def test_nothing_depends_on_where_the_chunks_are_cut(data: bytes, places: list[int]) -> None:
    whole = collected(data, secrets=SECRETS)
    parts = collected(*cut_at(data, places), secrets=SECRETS)
    assert (parts.stdout_tail, parts.result, parts.result_note) == (
        whole.stdout_tail,
        whole.result,
        whole.result_note,
    )


@settings(max_examples=200, deadline=None)
@given(data=streams, places=st.lists(st.integers(0, 10_000), max_size=30))
def test_no_secret_survives_any_chunking(data: bytes, places: list[int]) -> None:
    tail = collected(*cut_at(data, places), secrets=SECRETS).stdout_tail or ""
    assert not [secret for secret in SECRETS if secret in tail]


def masked_by_hand(data: bytes) -> bytes:
    """Every place of every secret, and an end of six bytes that begin one; what overlaps is one mask."""
    secrets = [secret.encode() for secret in SECRETS]
    spans = {
        (place, place + len(secret))
        for secret in secrets
        for place in range(len(data))
        if data.startswith(secret, place)
    }
    begun = (len(data) - n for s in secrets for n in range(6, len(s)) if data.endswith(s[:n]))
    if (first := min(begun, default=None)) is not None:
        spans.add((first, len(data)))
    result, shown = b"", 0
    for start, end in sorted(spans):
        if start >= shown:
            result += data[shown:start] + b"***"
        shown = max(shown, end)
    return result + data[shown:]


@settings(max_examples=200, deadline=None)
@given(data=streams, places=st.lists(st.integers(0, 10_000), max_size=30))
def test_masking_agrees_with_a_plain_search_for_each_secret(data: bytes, places: list[int]) -> None:
    tail = collected(*cut_at(data, places), secrets=SECRETS).stdout_tail
    assert (tail or "") == masked_by_hand(data).decode("utf-8", "replace")


@settings(max_examples=200, deadline=None)
@given(data=streams, places=st.lists(st.integers(0, 10_000), max_size=30))
def test_short_output_without_secrets_is_passed_on_as_it_is(data: bytes, places: list[int]) -> None:
    tail = collected(*cut_at(data, places)).stdout_tail
    assert (tail or "") == data.decode("utf-8", "replace")


# Masking


def test_a_secret_cut_in_two_is_masked() -> None:
    assert collected(b"key=hunter2-", b"secret!\n", secrets=SECRETS).stdout_tail == "key=***!\n"


def test_the_longest_secret_at_a_place_is_masked_whole() -> None:
    assert collected(b"hunter2-secret", b"-longer\n", secrets=SECRETS).stdout_tail == "***\n"


def test_an_attempt_that_fails_late_does_not_hide_a_match_within_it() -> None:
    assert collected(b"abcabcab", b"cabd", secrets=SECRETS).stdout_tail == "abc***"


def test_what_is_said_of_a_run_is_masked_too() -> None:
    said: list[tuple[str | None, int | None]] = []
    output = Output(None, 0, lambda message, tokens: said.append((message, tokens)))
    asyncio.run(output.prepared(secrets=SECRETS, script_hash=None))
    output.progress("reads hunter2-secret now", 3)
    output.progress()
    assert said == [("reads *** now", 3), (None, None)]


def test_secrets_of_under_six_characters_are_left() -> None:
    assert collected(b"12345 123456\n", secrets=("12345", "123456")).stdout_tail == "12345 ***\n"


def test_a_secret_split_over_two_streams_is_no_secret() -> None:
    output = Output(None, 0)
    asyncio.run(output.prepared(secrets=("hunter2-secret",), script_hash=None))
    output.write("stdout", b"hunte")
    output.write("stderr", b"r2-secret")
    output.close()
    assert (output.stdout_tail, output.stderr_tail) == ("hunte", "r2-secret")


# Decoding


def test_a_character_cut_in_two_stays_one() -> None:
    euro = "€".encode()
    assert collected(b"5 " + euro[:1], euro[1:2], euro[2:] + b"\n").stdout_tail == "5 €\n"


def test_bytes_that_are_no_utf_8_are_replaced() -> None:
    assert collected(b"a\xffb", b"\xe2\x82").stdout_tail == "a\ufffdb\ufffd"


# Logs


def test_both_streams_are_logged_in_the_order_of_their_arrival(tmp_path: Path) -> None:
    place = LogPlace(str(tmp_path / "data"), "job", 1)
    output, log = Output(place, 1 << 20), place.path
    assert not (tmp_path / "data").exists()
    output.write("stdout", b"out 1\n")
    output.write("stderr", b"err 1\n")
    output.write("stdout", b"out 2\n")
    assert asyncio.run(output.is_log_written())
    assert log.read_text() == "out 1\nerr 1\nout 2\n"
    output.close()
    assert asyncio.run(output.is_log_written())
    assert log.read_text() == "out 1\nerr 1\nout 2\n"


def test_without_output_there_is_no_log(tmp_path: Path) -> None:
    collected(log=log_place(tmp_path))
    assert list(log_file(tmp_path).parent.iterdir()) == []


def test_a_log_that_just_fits_is_whole(tmp_path: Path) -> None:
    """Some bytes of the cap are kept for the line that would mark a cut."""
    data = b"0123456789abcdef" * 56
    collected(data[:700], data[700:], log=log_place(tmp_path), log_max=1024)
    assert log_file(tmp_path).read_bytes() == data
    assert list(log_file(tmp_path).parent.iterdir()) == [log_file(tmp_path)]


@settings(max_examples=150, deadline=None)
@given(lines=st.integers(120, 900), places=st.lists(st.integers(0, 20_000), max_size=20))
def test_a_log_over_the_cap_keeps_head_and_tail_and_marks_the_cut(
    tmp_path_factory: pytest.TempPathFactory, lines: int, places: list[int]
) -> None:
    place = log_place(tmp_path_factory.mktemp("data"))
    log = place.path
    text = "".join(f"line {n} ü\n" for n in range(lines))
    collected(*cut_at(text.encode(), places), log=place, log_max=1024)
    assert log.stat().st_size <= 1024
    head, rest = log.read_text(encoding="utf-8").split("\n… ")
    cut, tail = rest.split(" bytes cut …\n")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(head.encode()) + int(cut) + len(tail.encode()) == len(text.encode())
    assert min(len(head.encode()), len(tail.encode())) > 400


def test_a_log_that_cannot_be_written_does_not_stop_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "logs").write_text("a file where a folder should be")
    output = collected(b"first\n", b"second\n", log=LogPlace(str(tmp_path), "a", 1))
    assert output.stdout_tail == "first\nsecond\n"
    assert len([record for record in caplog.records if "ends early" in record.message]) == 1


# A run of two parts


RESULT = 'JR_RESULT:{"tokens": 1}\n'


@pytest.mark.parametrize("first", ["looked\n", "looked", RESULT, ""])
def test_the_second_part_has_tails_and_a_result_of_its_own(tmp_path: Path, first: str) -> None:
    output = Output(log_place(tmp_path), 1 << 20)
    asyncio.run(output.prepared(secrets=(), script_hash="first"))
    output.write("stdout", first.encode())
    output.begin_part()
    assert (output.script_hash, output.stdout_tail) == (None, None)
    output.write("stdout", b"main\n")
    output.close()
    assert asyncio.run(output.is_log_written())
    assert (output.stdout_tail, output.stderr_tail, output.result) == ("main\n", None, None)
    assert log_file(tmp_path).read_text() == (f"{first.rstrip()}\nmain\n" if first else "main\n")


def test_what_the_first_part_held_back_is_written_before_the_second(tmp_path: Path) -> None:
    """A character that was never finished, and the beginning of a secret."""
    output = Output(log_place(tmp_path), 1 << 20)
    asyncio.run(output.prepared(secrets=SECRETS, script_hash=None))
    output.write("stdout", "€".encode()[:2])
    output.write("stderr", b"hunter2-sec")
    output.begin_part()
    output.write("stdout", b"main\n")
    output.close()
    assert asyncio.run(output.is_log_written())
    assert log_file(tmp_path).read_text() == "\ufffd***\nmain\n"


def test_secrets_of_the_first_part_stay_masked_in_the_second(tmp_path: Path) -> None:
    """Also where the second has none, or others."""
    for secrets in ((), ("another one",)):
        output = Output(log_place(tmp_path), 1 << 20)
        asyncio.run(output.prepared(secrets=("hunter2-secret",), script_hash=None))
        output.begin_part()
        asyncio.run(output.prepared(secrets=secrets, script_hash=None))
        output.write("stdout", b"hunter2-secret another one\n")
        output.close()
        assert output.stdout_tail == ("*** ***\n" if secrets else "*** another one\n")
        assert output.masked("of hunter2-secret") == "of ***"
