"""What becomes of a run's output: masked, decoded, cut, searched and written."""

import asyncio
import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.logs import log_file, log_place

from jeeves_runner.execute.output.log_place import LogPlace
from jeeves_runner.execute.output.sink import Output

SECRETS = ("hunter2-secret", "hunter2-secret-longer", "sésame ouvre", "abcabcabd")


def collected(
    *chunks: bytes, secrets: tuple[str, ...] = (), log: LogPlace | None = None, log_max: int = 1 << 20
) -> Output:
    output = Output(log, log_max)
    asyncio.run(output.prepared(secrets=secrets, script_hash=None))
    for chunk in chunks:
        output.write("stdout", chunk)
    output.close()
    if log is not None:
        assert asyncio.run(output.is_log_written())
    return output


def cut_at(data: bytes, places: list[int]) -> list[bytes]:
    borders = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(borders)]


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


# Tails


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


# Results


def test_the_last_result_line_counts_though_thousands_of_lines_follow() -> None:
    output = collected(
        b'JR_RESULT:{"tokens": 1}\nJR_RESULT:{"tokens": 2}\n', *(b"line %d\n" % n for n in range(5000))
    )
    assert output.result == '{"tokens": 2}'


def test_a_result_line_may_be_longer_than_any_chunk_and_lack_its_newline() -> None:
    value = {"text": "x" * 50_000}
    line = ("JR_RESULT: " + json.dumps(value)).encode()
    chunks = cut_at(line, list(range(0, len(line), 7)))
    output = collected(b"hello\n", *chunks)
    assert output.result is not None
    assert json.loads(output.result) == value


def test_only_a_whole_line_of_stdout_is_a_result() -> None:
    output = Output(None, 0)
    output.write("stdout", b'see JR_RESULT:{"tokens": 1}\n')
    output.write("stderr", b'JR_RESULT:{"tokens": 2}\n')
    output.close()
    assert (output.result, output.result_note) == (None, None)


def test_windows_line_endings_do_not_matter() -> None:
    assert collected(b'JR_RESULT:{"tokens": 2}\r\n').result == '{"tokens": 2}'


def test_secrets_are_masked_in_results_too() -> None:
    output = collected(b'JR_RESULT:{"key": "hunter2-secret"}\n', secrets=SECRETS)
    assert output.result == '{"key": "***"}'


@pytest.mark.parametrize(
    "secret", ['qu"ote\\back-secret', "pässwörd-秘密", "first line\nsecond line", "a/b/c/d/e"]
)
def test_what_json_escapes_in_a_result_is_masked_too(secret: str) -> None:
    every_character = "".join(f"\\u{ord(character):04X}" for character in secret)
    text = f'{{"{every_character}": [{json.dumps("<" + secret + ">")}, "{every_character}", 12]}}'
    output = collected(f"JR_RESULT:{text}\n".encode(), secrets=(secret,))
    assert output.result is not None
    shown = re.sub(r"\*{3}(\\n\*{3})?", "***", output.result)
    assert json.loads(shown) == {"***": ["<***>", "***", 12]}


def test_a_result_that_hides_no_secret_stays_as_it_was_written() -> None:
    text = '{"a":"\\u0061\\n",  "b":1, "c": "hunter"}'
    assert collected(f"JR_RESULT:{text}\n".encode(), secrets=SECRETS).result == text


@pytest.mark.parametrize("size", [65_537, 200_000, 1_000_000])
def test_a_result_over_64_kib_is_dropped_with_a_note(size: int) -> None:
    text = '{"a": "' + "x" * (size - 9) + '"}'
    assert len(text) == size
    output = collected(*cut_at(f"JR_RESULT:{text}\n".encode(), list(range(0, size, 65_536))), b"later\n")
    assert (output.result, output.result_note) == (None, "result dropped: over 64 KiB")


def test_a_result_of_64_kib_is_kept() -> None:
    text = '{"a": "' + "x" * (65_536 - 9) + '"}'
    assert collected(f"JR_RESULT:{text}\n".encode()).result == text


@pytest.mark.parametrize("text", ["", "{", "[1]", "7", '{"a": NaN}', '{"a": 1e999}', "[" * 50 + "]" * 50])
def test_a_result_that_is_no_json_object_is_dropped_with_a_note(text: str) -> None:
    output = collected(f'JR_RESULT:{{"tokens": 1}}\nJR_RESULT:{text}\n'.encode())
    assert (output.result, output.result_note) == (None, "result dropped: not a JSON object")


@pytest.mark.parametrize("depth", [101, 5000])
def test_a_result_nested_too_deep_is_dropped_with_its_own_note(depth: int) -> None:
    nested = '{"a":' * depth + "1" + "}" * depth
    output = collected(f"JR_RESULT:{nested}\n".encode())
    assert (output.result, output.result_note) == (
        None,
        "result dropped: nested more than 100 levels deep",
    )


@pytest.mark.parametrize("line", [" " * 65_536 + '{"a": 1}', '{"a": 1}' + " " * 65_536, "x" * 65_537])
def test_a_line_over_64_kib_is_too_long_whatever_it_holds(line: str) -> None:
    output = collected(f"JR_RESULT:{line}\n".encode())
    assert (output.result, output.result_note) == (None, "result dropped: over 64 KiB")


def test_blanks_around_a_result_do_not_matter() -> None:
    assert collected(b'JR_RESULT: \t {"a": 1}  \r\n').result == '{"a": 1}'


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
