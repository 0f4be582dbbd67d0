"""Mistakes in a prompt, in plain words and with their line: what jinja2 says is for those who know it."""

import re
from typing import Final, NamedTuple

from jeeves_runner.core.values import in_our_words
from jeeves_runner.core.wording import one_line

RAW: Final = "what is to stay as it is written goes between {% raw %} and {% endraw %}"

_COMPARISON: Final = re.compile(r"'(\S+)' not supported between instances of '(\w+)' and '(\w+)'")
_KINDS: Final = {
    "str": "a text",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "NoneType": "no value",
}
"""How what Python calls the kinds of values is called here; all others are numbers."""

_LONGEST: Final = 200
"""Characters of what another says of a mistake: it may quote the prompt."""


class SyntaxFault(NamedTuple):
    """What is wrong with a text as a template."""

    message: str
    """What it is, as a sentence without a full stop."""
    hint: str
    """What to write instead."""


_KNOWN: Final = (
    (
        "innermost block that needs to be closed is 'if'",
        "an {% if … %} has no {% endif %}",
        "add {% endif %}",
    ),
    ("expected 'end of print statement'", "a {{ has no }} that fits it", f"add }}}}; {RAW}"),
    (
        "expected token 'end of print statement'",
        "one {{ … }} has more than one value",
        f"end it by }}}}; {RAW}",
    ),
    ("'end of statement block', got '='", "a single `=` compares nothing", "compare by `==`"),
)
"""A part of what jinja2 says, what is meant, and what to do."""


def syntax_fault(said: str) -> SyntaxFault:
    """The mistake of which jinja2 says this."""
    for part, message, hint in _KNOWN:
        if part in said:
            return SyntaxFault(message, hint)
    return SyntaxFault(plain(said), RAW)


def plain(said: str) -> str:
    """What jinja2 or Python says, as the end of a sentence."""
    if (compared := _COMPARISON.fullmatch(said)) is not None:
        sign, one, other = compared.groups()
        return f"`{sign}` cannot compare {_KINDS.get(one, 'a number')} with {_KINDS.get(other, 'a number')}"
    words = in_our_words(said)
    text = one_line(words[:1].lower() + words[1:].rstrip("."))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def line_of(error: BaseException) -> int | None:
    """The line of the template in which an error arose as it was filled in; None: in none."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
