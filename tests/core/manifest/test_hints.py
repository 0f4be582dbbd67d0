"""Each problem of a manifest says in which line it is and what to do about it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.manifests import error_of, read
from support.wrong_manifests import wrong_manifests

from jeeves_runner.schemas_text import manifest_schema

PACKAGE = Path(__file__).parents[3] / "jeeves_runner"


def test_each_problem_has_a_line_and_a_hint() -> None:
    count = 0
    for wrong in wrong_manifests():
        problems = [each for each in read(wrong.text).problems if each.code != "no_timeout"]
        assert not [each for each in problems if not each.hint], wrong
        if problems:
            assert wrong.line in [each.line for each in problems], wrong
            count += len(problems)
    assert count > 1_400


def test_each_value_of_the_schema_has_an_example_that_fits() -> None:
    schema = manifest_schema()
    for part in _values({kind: schema["$defs"][kind] for kind in ("job", "queue", "node")}):
        if "enum" not in part and "anyOf" not in part:
            assert part["examples"], part
        for example in part.get("examples", ()):
            assert Draft202012Validator({**part, "$defs": schema["$defs"]}).is_valid(example), part


def _values(part: object) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if "x-expected" in part:
            yield part
        for inner in part.values():
            yield from _values(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _values(inner)


def test_no_mistake_is_written_without_a_hint() -> None:
    """Of manifests; what has its hint from another place says so by ``more``, or by a fourth argument."""
    for file in [*PACKAGE.glob("core/**/*.py"), *PACKAGE.glob("reconcile/*.py")]:
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("Finding", "ScheduleError"):
                said = {keyword.arg for keyword in call.keywords} & {"hint", "more"}
                assert said or len(call.args) > 3, f"{file}:{call.lineno}"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("cmd: [x]\n", "did you mean `command`?"),
        ("run: x\ncron: '@daily'\n", "did you mean `schedule`?"),
        ("run: x\nuser: me\n", "there is none: a job runs as the user of the server"),
        ("run: x\nmax_retries: 3\n", "write `retries: {limit: 3}`"),
        ("run: x\nconcurrencyPolicy: Forbid\n", "write `overlap_policy: skip`"),
        ("run: x\nsteps: [a]\n", "a job runs one thing: write `run: |`"),
        ("run: x\nTimeout: 5m\n", "did you mean `timeout`?"),
        ("run: x\noverlap-policy: skip\n", "did you mean `overlap_policy`?"),
        ("run: x\nlimit: 3\n", "it belongs into `retries`: write `retries: {limit: …}`"),
        ("run: x\nretries: {limit: 3, timeout: 5m}\n", "`timeout` does not belong into `retries`"),
        ("jobs: []\ncron: x\n", "a file holds one job, or lists"),
    ],
)
def test_keys_of_other_programs_and_places_have_ours_as_hint(text: str, hint: str) -> None:
    assert hint in error_of(text)[3]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("command: rsync -a 'a b' c", 'write `command: [rsync, "-a", "a b", "c"]`'),
        ("command: a | b", "for example `command: [rsync, "),
        ("run: [a, b]", "write one text: `run: |`, and each line below it"),
        ("tags: a, b", 'write `tags: ["a", "b"]`'),
        ("retries: 3", "write `retries: {limit: 3}`"),
        ("keep: 30d", "write `keep: {days: 30d}`"),
        ("precheck: test -s a", 'write `precheck: {run: "test -s a"}`'),
        ("id: My Backup", "write `id: my-backup`"),
        ("timeout: 5 minutes", "write `timeout: 5m`"),
        ("timeout: 1 HOUR", "write `timeout: 1h`"),
        ("timeout: 2w", "write `timeout: 14d`"),
        ("timeout: 100 milliseconds", "write `timeout: 100ms`"),
    ],
)
def test_a_right_value_in_the_wrong_shape_is_shown_in_the_right_one(written: str, hint: str) -> None:
    source = "" if written.startswith(("command", "run")) else "run: x\n"
    shown = error_of(f"{source}{written}\n")[3]
    assert shown.startswith(hint)


def test_a_kind_that_is_no_text_is_a_mistake_and_no_crash() -> None:
    assert "must be one of source" in error_of("nodes:\n  - {id: a, kind: [b]}\n")[2]
