"""Many texts are read at once; that hides nothing of what is wrong with one of them."""

import itertools
import shutil

import pytest

from jeeves_runner.reconcile.script_checks import complaints

WRONG = (
    "echo 'a",
    "echo a'",
    'echo "a',
    'echo a"',
    "if true; then",
    "fi",
    "(",
    ")",
    "{",
    "}",
    "for a in b; do",
    "done",
    "case a in",
    "esac",
    "echo $(a",
    "echo `a",
    "a`",
    "echo a |",
    "&& b",
    "f() {",
)
RIGHT = (
    "echo 'a\nb'",
    "# it's fine",
    "if a; then b; fi",
    "cat <<'E'\n(\nE",
    "case $a in b) c;; esac",
    "a=`b`",
    "",
)
SHELLS = [shell for shell in ("sh", "bash") if shutil.which(shell)]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_wrong_text_is_found_among_others(shell: str) -> None:
    pairs = itertools.combinations(WRONG, 2) if shell == "sh" else itertools.pairwise(WRONG)
    for one, other in pairs:
        asked = [((shell,), text) for text in (RIGHT[0], one, RIGHT[1], other, RIGHT[2])]
        said = complaints(asked)
        wrong = [text for (_, text), complaint in said.items() if complaint is not None]
        assert wrong == [one, other]


@pytest.mark.parametrize("shell", SHELLS)
def test_right_ones_are_right(shell: str) -> None:
    assert set(complaints([((shell,), text) for text in RIGHT]).values()) == {None}


def test_a_shell_that_is_not_there_finds_nothing_wrong() -> None:
    assert complaints([(("/nowhere/sh",), "fi")]) == {(("/nowhere/sh",), "fi"): None}
