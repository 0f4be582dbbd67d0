"""Long values of a field as a diff: a script, a list, a mapping."""

from jeeves_runner.core.text_diff import field_diff

LINES = [f"echo {n}" for n in range(1, 11)]


def diff(old: object, new: object, path: str = "run") -> list[str]:
    return [f"{line.sign} {line.text}" for line in field_diff(path, old, new)]


def test_what_fits_on_a_line_needs_no_diff() -> None:
    assert diff("1h", "2h", "timeout") == []
    assert diff(["a", "b"], ["a"], "tags") == []
    assert diff(None, "echo") == []


def test_a_text_is_told_by_the_lines_that_differ_and_three_around_them() -> None:
    other = [*LINES[:5], "echo six", *LINES[6:]]
    assert diff("\n".join(LINES) + "\n", "\n".join(other) + "\n") == [
        "… 2 lines as before",
        "  echo 3",
        "  echo 4",
        "  echo 5",
        "- echo 6",
        "+ echo six",
        "  echo 7",
        "  echo 8",
        "  echo 9",
        "… 1 line as before",
    ]


def test_a_long_list_is_told_by_its_entries_as_a_manifest_has_them() -> None:
    days = [f"2027-0{n}-01" for n in range(1, 9)]
    assert diff(days, [*days, "@weekly"], "exclude")[-1] == '+ - "@weekly"'


def test_a_mapping_that_comes_is_told_by_its_keys() -> None:
    schema = {"type": "object", "required": [f"property-{n}" for n in range(20)]}
    assert diff(None, schema, "payload_schema")[0] == "+ type: object"


def test_texts_that_differ_in_the_last_break_alone_differ() -> None:
    text = "\n".join(LINES)
    assert diff(text, text + "\n")[-1] == "+ "


def test_of_a_very_long_one_the_first_lines_are_shown() -> None:
    shown = field_diff("run", None, "\n".join(LINES), 4)
    assert [line.sign for line in shown] == ["+", "+", "+", "+", "…"]
