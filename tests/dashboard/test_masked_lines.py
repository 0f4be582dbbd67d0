"""What is shown of the lines of a manifest that cannot be read."""

import json
from textwrap import dedent

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.dashboard.masked_lines import lines_of, masked


def shown(text: str) -> str:
    lines = lines_of(dedent(text).strip("\n"))
    return "\n".join(masked(lines, 0, len(lines)))


def test_what_documents_show_is_shown() -> None:
    plain = """\
        jobs:
          - id: copy
            schedule: ["0 25 * * *", "@daily"]
            retries: {limit: 3, delay: 1m}
            command:
            - rsync
            - -a
            timeout: 5x
          - id: mail
            run: |
              # ask for it
              curl https://mail.example/?a: b

              echo done"""
    assert shown(plain) == dedent(plain).strip("\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("env:\n  TOKEN: hush", "env:\n  TOKEN: ***"),
        ("env:\n  TOKEN: |\n    a: hush\n  B: hush", "env:\n  TOKEN: ***\n    ***\n  B: ***"),
        ("env: {TOKEN: hush}", "env: ***"),
        ("env: {TOKEN: 'x\n  hush'}\ntimeout: 5m", "env: ***\n  ***\ntimeout: 5m"),
        ('{"run": "x",\n "env": {\n  "A": "hush"\n },', '{"run": "x",\n "env": ***\n  ***\n },'),
        ("- {id: a, env: {A: hush}, run: x}", "- {id: a, env: ***"),
        ("jobs: [{id: a, env: {A: hush}}]", "jobs: [{id: a, env: ***"),
        ("heartbeat: https://hush", "heartbeat: ***"),
        ("params: {day: {default: hush}}", "params: {day: ***"),
    ],
)
def test_what_may_be_a_secret_is_not(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("evn:\n  TOKEN: hush", "evn:\n  TOKEN: ***"),
        ("evn: {TOKEN: hush}", "evn: ***"),
        ("env:\n  A: x\nB: hush", "env:\n  A: ***\nB: ***"),
        ("hush", "***"),
        ("run: x\nhush", "run: x\n***"),
        ("jobs:\n  - hush", "jobs:\n  - ***"),
        ("timeout: 5m\n  env: {A: hush}", "timeout: 5m\n  env: ***"),
        ("# hush\ntimeout: 5m  # hush", "# …\ntimeout: 5m  # …"),
        ("env:  # hush\n  A: hush", "env:  # …\n  A: ***"),
        ("run: |\n  x\nevn: hush", "run: |\n  x\nevn: ***"),
    ],
)
def test_nor_is_what_no_manifest_has(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_what_stands_above_the_part_counts() -> None:
    lines = lines_of("run: x\nenv:\n  A: 1\n  B: 2\n  C: 3")
    assert list(masked(lines, 3, 4)) == ["  B: ***", "  C: ***"]


JOB = {
    "id": "copy",
    "run": "echo one\necho two\n",
    "env": {"TOKEN": "hushhushhush", "B": "hushhush\n  hushhush\n", "C": "hush hush"},
    "timeout": "5m",
    "params": {"day": {"type": "string", "default": "hushhush"}},
    "heartbeat": "https://hushhush/hushhush",
    "retries": {"limit": 3},
}
FILES = [
    text
    for value in (JOB, {"jobs": [JOB, JOB]}, {"defaults": {"env": JOB["env"]}, "jobs": [JOB]})
    for text in (
        json.dumps(value),
        json.dumps(value, indent=2),
        *(
            yaml.safe_dump(value, sort_keys=False, default_flow_style=flow, default_style=style)
            for flow in (True, False, None)
            for style in (None, "|", '"')
        ),
    )
]
"""Manifests in all styles."""

EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 3), st.sampled_from([*"{}[]:,|>#-'\"& \n", "  ", ": ", "- "])),
    max_size=1,
)


@given(st.sampled_from(FILES), EDITS)
def test_no_mistake_shows_a_secret(text: str, edits: list[tuple[float, int, str]]) -> None:
    """Some characters are taken out or put in, as people do who write a manifest."""
    for where, out, put in edits:
        place = int(where * len(text))
        text = text[:place] + put + text[place + out :]
    lines = lines_of(text)
    whole = list(masked(lines, 0, len(lines)))
    assert "hush" not in "\n".join(whole)
    for first in range(0, len(lines), 5):
        assert list(masked(lines, first, first + 2)) == whole[first : first + 3]
