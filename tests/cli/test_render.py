"""How values look to people."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.cli.render import (
    STATUS_STYLES,
    Prose,
    Styled,
    counted,
    duration,
    line,
    printable,
    printable_json,
    relative,
    size,
    status,
    table,
    timestamp,
)
from jeeves_runner.core.model import RunStatus

NOW = datetime(2026, 11, 24, 3, 3, 35, tzinfo=UTC)
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "-"),
        (0, "0ms"),
        (999, "999ms"),
        (1_000, "1.0s"),
        (1_234, "1.2s"),
        (9_999, "9.9s"),
        (10_000, "10s"),
        (59_999, "59s"),
        (60_000, "1m"),
        (185_000, "3m 5s"),
        (7_800_000, "2h 10m"),
        (349_200_000, "4d 1h"),
        (86_400_000, "1d"),
    ],
)
def test_a_duration_has_two_units_at_most(ms: int | None, text: str) -> None:
    assert duration(ms) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (0.4, "now"),
        (-0.4, "now"),
        (0.6, "in 1s"),
        (-1, "1s ago"),
        (59.4, "in 59s"),
        (59.7, "in 1m"),
        (-59.7, "1m ago"),
        (180, "in 3m"),
        (-7_300, "2h ago"),
        (3_599.8, "in 1h"),
        (-86_400 * 3, "3d ago"),
    ],
)
def test_a_time_is_told_from_now(seconds: float, text: str) -> None:
    assert relative(NOW + timedelta(seconds=seconds), NOW) == text


def test_no_time_is_a_dash() -> None:
    assert relative(None, NOW) == timestamp(None) == size(None) == "-"


def test_a_timestamp_names_its_zone() -> None:
    vienna = timezone(timedelta(hours=1))
    assert timestamp(NOW) == "2026-11-24 03:03:35Z"
    assert timestamp(NOW.astimezone(vienna)) == "2026-11-24 04:03:35+01:00"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (3_565_158, "3.4 MiB"), (512 * 2**20, "512 MiB"), (3 * 2**40, "3.0 TiB")],
)
def test_a_size_has_three_digits(count: int, text: str) -> None:
    assert size(count) == text


def test_every_status_of_a_run_has_a_colour() -> None:
    assert {word for word in RunStatus if word.value not in STATUS_STYLES} == set()


def test_a_status_unknown_here_stays_plain() -> None:
    assert status("ok") == Styled("ok", "green")
    assert status("novel") == "novel"


def test_columns_line_up_under_their_headers() -> None:
    assert table(["ID", "STATUS", "NEXT"], [["backup", status("ok"), "in 3m"], ["日本", "error", "-"]]) == (
        "ID      STATUS  NEXT\nbackup  ok      in 3m\n日本    error   -"
    )


def test_a_table_without_rows_is_its_headers() -> None:
    assert table(["ID", "STATUS"], []) == "ID  STATUS"


def test_a_pipe_gets_every_character() -> None:
    long = "word " * 100 + "end"
    assert long in table(["ID", "TEXT"], [["a", long]])


def test_a_terminal_gets_lines_within_its_width() -> None:
    text = table(["ID", Prose("TEXT")], [["a", "word " * 30 + "end"]], width=40)
    assert max(map(len, text.splitlines())) <= 40
    assert "end" in text


@pytest.mark.parametrize("width", range(1, 120))
def test_an_id_can_be_copied_whatever_the_width(width: int) -> None:
    headers = ("RUN", "JOB", "STATUS", Prose("SCHEDULE"), Prose("NOTE"))
    row = ("1234", "a-job-with-a-rather-long-name", status("interrupted"), "*/5 * * * *", "a note " * 9)
    text = table(headers, [row], width=width)
    assert "1234  a-job-with-a-rather-long-name  interrupted" in text
    assert len(text.splitlines()) == 2 or max(map(len, text.splitlines())) <= width


def test_prose_gives_way_only_as_far_as_it_must() -> None:
    headers = ("ID", Prose("SHORT"), Prose("LONG"))
    lines = table(headers, [("a", "* * * * *", "word " * 10)], width=40).splitlines()
    assert lines == [
        "ID  SHORT      LONG",
        "a   * * * * *  word word word word word",
        "               word word word word word",
    ]
    narrow = table(headers, [("a", "* * * * *", "word " * 10)], width=30).splitlines()
    assert len(narrow) == 2


def test_a_column_of_any_width_is_folded_at_once() -> None:
    text = table(("ID", Prose("VALUE")), [("a", "x" * 100_000)], width=80)
    assert max(map(len, text.splitlines())) == 80


def test_colours_change_no_letter() -> None:
    rows = [["backup", status("error")], ["other", status("ok")]]
    coloured = table(["ID", "STATUS"], rows, color=True, width=60)
    assert "\x1b[31m" in coloured
    plain = [line.rstrip() for line in ESCAPES.sub("", coloured).splitlines()]
    assert plain == table(["ID", "STATUS"], rows).splitlines()


def test_text_in_square_brackets_is_no_markup() -> None:
    assert "[red]x[/red]" in table(["ID"], [["[red]x[/red]"]], color=True, width=60)


def test_what_a_script_wrote_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb\nc") == r"a\x1b[2Jb c"
    for width in (None, 80):
        assert "\x1b[2J" not in table(["ID"], [["a\x1b[2J"]], width=width)


def test_a_line_is_bare_without_colour() -> None:
    parts = ("is ", Styled("ok", "bold green"), ".")
    assert line(*parts, color=False) == "is ok."
    coloured = line(*parts, color=True)
    assert coloured != "is ok."
    assert ESCAPES.sub("", coloured) == "is ok."


def test_a_line_keeps_its_breaks_and_nothing_else_that_steers() -> None:
    assert line("one\n", Styled("t\x1b[2Jwo\n", ""), "\u202e", color=True) == "one\nt\\x1b[2Jwo\n\\u202e"


@given(st.text())
def test_json_for_a_terminal_is_the_same_value(text: str) -> None:
    shown = printable_json(json.dumps({"text": text}, ensure_ascii=False, indent=2))
    assert json.loads(shown) == {"text": text}
    assert all(char.isprintable() or char == "\n" for char in shown)


@pytest.mark.parametrize(("number", "text"), [(0, "0 jobs"), (1, "1 job"), (2, "2 jobs")])
def test_a_count_agrees_with_its_noun(number: int, text: str) -> None:
    assert counted(number, "job") == text


def test_a_count_may_bring_its_verb() -> None:
    assert counted(1, "change waits", "changes wait") == "1 change waits"
    assert counted(2, "change waits", "changes wait") == "2 changes wait"
