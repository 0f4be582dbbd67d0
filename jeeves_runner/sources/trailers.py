"""The trailer by which a commit allows deletes: ``Jeeves-Allow-Deletes: 12`` at the end of its message."""

import re
from typing import Final

from jeeves_runner.core.origin import Allowance

KEY: Final = "Jeeves-Allow-Deletes"

_NUMBER: Final = "[0-9]{1,9}"
_BETWEEN: Final = "\x1f"


def question(head: str, since: str | None) -> tuple[str, ...]:
    """The words with which git is asked for the trailers after ``since``, or of ``head`` alone."""
    which = ("--max-count=1", head) if since is None else (f"{since}..{head}",)
    form = f"--format=%H%x1f%(trailers:key={KEY},valueonly,unfold,separator=%x1f)"
    return ("log", "--no-show-signature", form, *which, "--")


def answer(text: str) -> tuple[Allowance, ...]:
    """What git has said to that. A value that is no number allows nothing."""
    found = []
    for line in text.split("\n"):  # splitlines() would split at what stands between the parts as well
        sha, *values = (part.strip() for part in line.split(_BETWEEN))
        numbers = [int(value) for value in values if re.fullmatch(_NUMBER, value)]
        if numbers:
            found.append(Allowance(sha, sum(numbers)))
    return tuple(found)
