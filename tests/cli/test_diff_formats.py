"""``diff`` for pull requests: a table, and problems beside the changed lines."""

import json
import re
from pathlib import Path

import pytest
from support.cli import Shell

JOB = 'schedule: "0 2 * * *"\nrun: echo a\ntimeout: 1m\n'


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """It is noon of 2026-03-01."""
    (tmp_path / "jobs.d").mkdir()
    shell = Shell(tmp_path)
    write(shell, "a.yaml", JOB)
    shell.text("apply")
    return shell


def write(shell: Shell, name: str, text: str) -> None:
    (shell.folder / "jobs.d" / name).write_text(text)


def markdown(shell: Shell) -> list[str]:
    return shell.run("diff", "--format", "markdown").stdout.splitlines()


def rows(shell: Shell) -> list[list[str]]:
    """The cells below the head of the table."""
    table = [line for line in markdown(shell) if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table[2:]]


def test_a_pull_request_gets_a_table(shell: Shell) -> None:
    write(shell, "a.yaml", JOB.replace("0 2", "0 3").replace("1m", "2m"))
    write(shell, "b.yaml", "run: echo\ntimeout: 1m\nenv: {B: {from_env: PROD_PASSWORD}}\n")
    head, _, names, line, first, second, *said = markdown(shell)
    assert head == "Plan: 1 to create, 1 to update, 0 to delete."
    assert (names, line) == ("| | what | where | changes | the days to come |", "|---|---|---|---|---|")
    assert [cell.strip() for cell in first.split("|")[1:-1]] == [
        "`~`",
        "job `a`",
        "`jobs.d/a.yaml:1`",
        '`schedule: "0 2 * * *" -> "0 3 * * *"`<br>`timeout: 1m -> 2m`',
        "next 7 days: 7 occurrences lost (first 2026-03-02 02:00:00Z), 7 gained (first 2026-03-02 03:00:00Z)",
    ]
    assert second == "| `+` | job `b` | `jobs.d/b.yaml:1` |  |  |"
    times = "1 (2026-03-02 03:00:00Z), before 1 (2026-03-02 02:00:00Z)"
    assert said == [
        "",
        "- `PROD_PASSWORD is hidden from all other jobs: job b takes it as a secret`",
        "",
        f"Most starts in a minute of the next 7 days: {times}.",
        "",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a | b",
        "`code`",
        "``",
        "<script>alert(1)</script>",
        "a\nb",
        "[link](http://x)",
        "| ` |",
        "\\|",
        "@team",
    ],
)
def test_what_manifests_say_stays_in_its_cell_as_code(shell: Shell, text: str) -> None:
    write(shell, "a.yaml", f"{JOB}description: {json.dumps(text)}\n")
    ((*_, changes, _days),) = rows(shell)
    if "\n" in text:
        assert changes == "`description`: below"
        return
    quotes = re.match("`+", changes)
    assert quotes is not None
    inside = changes[len(quotes[0]) : -len(quotes[0])]
    assert (changes.endswith(quotes[0]), quotes[0] in inside) == (True, False)


def test_no_difference_is_a_sentence(shell: Shell) -> None:
    assert markdown(shell) == ["No differences.", ""]


def test_a_table_ends_after_a_hundred_changes(shell: Shell) -> None:
    for n in range(102):
        write(shell, f"job{n:03}.yaml", JOB)
    found = rows(shell)
    assert (len(found), found[-1][1]) == (101, "and 2 more")


def test_mistakes_come_first_and_what_is_held_is_named(shell: Shell) -> None:
    write(shell, "a.yaml", "run: [\n")
    shown = markdown(shell)
    assert shown[0].startswith("- `jobs.d/a.yaml:2:1` `")
    assert any(line.startswith("- `job a` is held: `") for line in shown)


def test_github_gets_problems_as_annotations_and_the_rest_as_it_is(shell: Shell) -> None:
    write(shell, "a.yaml", JOB.replace("0 2", "0 3"))
    write(shell, "b.yaml", "run: [\n")
    result = shell.run("diff", "--format", "github")
    lines = result.stdout.splitlines()
    assert result.exit_code == 2
    assert lines[0].startswith("::error file=jobs.d/b.yaml,line=2,col=1::")
    assert lines[1] == "~ job a  jobs.d/a.yaml:1"


def test_github_is_told_why_an_apply_would_be_refused(shell: Shell) -> None:
    for n in range(8):
        write(shell, f"job{n}.yaml", JOB)
    shell.text("apply")
    for n in range(8):
        (shell.folder / "jobs.d" / f"job{n}.yaml").unlink()
    result = shell.run("diff", "--format", "github")
    assert result.exit_code == 4
    assert result.stdout.startswith("::error::An apply would be refused: 8 jobs would be deleted")
