"""Tables: aligned, folded, and the colours of statuses in them."""

import re

import pytest

from jeeves_runner.cli.rows import STATUS_STYLES, status_cell
from jeeves_runner.cli.tables import Prose, table
from jeeves_runner.cli.terminal import Styled
from jeeves_runner.core.model import RunStatus

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def test_columns_line_up_under_their_headers() -> None:
    assert table(
        ["ID", "STATUS", "NEXT"], [["backup", status_cell("ok"), "in 3m"], ["日本", "error", "-"]]
    ) == ("ID      STATUS  NEXT\nbackup  ok      in 3m\n日本    error   -")


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
    row = ("1234", "a-job-with-a-rather-long-name", status_cell("interrupted"), "*/5 * * * *", "a note " * 9)
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
    rows = [["backup", status_cell("error")], ["other", status_cell("ok")]]
    coloured = table(["ID", "STATUS"], rows, color=True, width=60)
    assert "\x1b[31m" in coloured
    plain = [line.rstrip() for line in ESCAPES.sub("", coloured).splitlines()]
    assert plain == table(["ID", "STATUS"], rows).splitlines()


def test_text_in_square_brackets_is_no_markup() -> None:
    assert "[red]x[/red]" in table(["ID"], [["[red]x[/red]"]], color=True, width=60)


@pytest.mark.parametrize("width", [None, 80])
def test_what_a_script_wrote_cannot_steer_the_terminal(width: int | None) -> None:
    assert "\x1b[2J" not in table(["ID"], [["a\x1b[2J"]], width=width)


def test_every_status_of_a_run_has_a_colour() -> None:
    assert {word for word in RunStatus if word.value not in STATUS_STYLES} == set()


def test_a_status_unknown_here_stays_plain() -> None:
    assert status_cell("ok") == Styled("ok", "green")
    assert status_cell("novel") == "novel"
