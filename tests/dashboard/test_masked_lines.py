"""What is shown of the lines of a manifest that cannot be read."""

from textwrap import dedent

import pytest

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
