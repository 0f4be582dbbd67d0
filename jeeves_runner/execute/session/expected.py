"""Whether the final text of a session is what its job expects."""

import re
from typing import Final

from jeeves_runner.core.expressions import search
from jeeves_runner.core.outcome import RESULT_PREFIX
from jeeves_runner.core.values import parse_json
from jeeves_runner.core.wording import brief, in_quotes
from jeeves_runner.errors import TextTooLong

JSON: Final = "json"
"""What a job says that expects an object or a list as JSON. Everything else is a regular expression."""

MAX_LOOKED_AT: Final = 1024 * 1024
"""Characters of the longest text that is looked at: what reads JSON lets no other thread go on for some 50 ms
then."""

_FENCE: Final = re.compile("`{3,}|~{3,}")


def fault_of(expected: str, text: str, *, is_cut: bool) -> str | None:
    """Why the text is not as expected, as a message for people; None if it is.

    One over ``MAX_LOOKED_AT`` is not. Result lines and one code fence around all the rest are left out.
    ``is_cut``: the gateway has cut it.
    """
    if len(text) > MAX_LOOKED_AT:
        fault: str | None = (
            f"{_wanted(expected)}, but the text has {len(text):,} characters, where at most {MAX_LOOKED_AT:,}"
            " are looked at"
        )
    else:
        answer = answer_in(text)
        fault = _json_fault(answer) if expected == JSON else _text_fault(expected, answer)
    if fault is None:
        return None
    return f"{fault}; the gateway has cut the text" if is_cut else fault


def answer_in(text: str) -> str:
    """What is left of a final text without result lines, blanks around it, and one fence around all of it."""
    lines = (line for line in text.splitlines(keepends=True) if not line.startswith(RESULT_PREFIX))
    rest = "".join(lines).strip()
    first, _, below = rest.partition("\n")
    within, _, last = below.rpartition("\n")
    fence = _FENCE.match(first)
    if fence is None or last.strip() != fence[0] or fence[0] in within:
        return rest
    return within.strip()


def _wanted(expected: str) -> str:
    if expected == JSON:
        return "expected an object or a list as JSON"
    return f"expected a text that fits `{brief(expected)}`"


def _json_fault(answer: str) -> str | None:
    try:
        value = parse_json(answer)
    except (ValueError, RecursionError):
        value = None
    return None if isinstance(value, dict | list) else f"{_wanted(JSON)}, and got {_shown(answer)}"


def _text_fault(pattern: str, answer: str) -> str | None:
    try:
        if search(pattern, answer):
            return None
    except TextTooLong as error:
        return f"{_wanted(pattern)}, but {error.message}"
    return f"{_wanted(pattern)}, and got {_shown(answer)}"


def _shown(answer: str) -> str:
    return in_quotes(answer) if answer else "nothing"
