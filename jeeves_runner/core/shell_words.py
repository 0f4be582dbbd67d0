"""Which programs a shell text starts, as far as that can be told without running it.

Of a text in which that is not certain, such as one with functions or here-documents, it tells nothing.
"""

import re
from typing import Final, NamedTuple

_UNKNOWN: Final = re.compile(
    r"<<|=\(|\(\)|\(\(|`|\$\(|\\\n|(?:^|[\s;&|(])(?:case|function|alias|eval|source|hash|\.)\s|\bPATH=",
    re.MULTILINE,
)
"""What makes it uncertain which words are programs, or where they are looked for."""
_ASKED: Final = re.compile(r"\b(?:command\s+-[vV]|which|type)\s+([A-Za-z0-9_.+-]+)")
"""A program that the text itself looks for before it uses it."""
_PLAIN: Final = re.compile(r"/?[A-Za-z0-9_][A-Za-z0-9_.+/-]*")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_TOKEN: Final = re.compile(
    r"""
    (?P<blank>[ \t\r]+ | \#[^\n]*)
    | (?P<redirection>[0-9]*(?:>>|>\||[<>]&|<>|[<>])|&>>?)
    | (?P<end>[\n;&|()]+)
    | (?P<word>(?:'[^']*' | "(?:[^"\\]|\\.)*" | \\. | [^\s'"\\;&|()<>])+)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPENERS: Final = frozenset("if then else elif while until do { ! time".split())  # noqa: SIM905
_OTHERS: Final = frozenset("for select fi done } [[ ]]".split())  # noqa: SIM905
_BUILTINS: Final = frozenset(
    """
    : . [ alias bg bind break builtin caller cd command compgen complete continue declare dirs disown echo
    enable eval exec exit export false fc fg getopts hash help history jobs kill let local logout mapfile popd
    printf pushd pwd read readarray readonly return set setopt shift shopt source suspend test times trap true
    type typeset ulimit umask unalias unset wait whence
    """.split()  # noqa: SIM905
)
"""Of sh, bash and zsh."""
SIMPLE: Final = re.compile(r"[A-Za-z0-9 _./:=,@%+\n-]*")
"""A text that no shell finds fault with, unless a word of it is reserved."""
_RESERVED: Final = _OPENERS | _OTHERS | {"case", "esac", "in", "function", "coproc"}


class Started(NamedTuple):
    """A program that a text starts."""

    name: str
    """Its name, or its absolute path."""
    line: int
    """The line of the text where it stands, from 1."""


def is_surely_right(text: str) -> bool:
    """Whether the text is so simple that no shell can find its syntax wrong."""
    return SIMPLE.fullmatch(text) is not None and _RESERVED.isdisjoint(text.split())


def programs_in(text: str) -> list[Started]:
    """Each program once; none where that is not certain."""
    if _UNKNOWN.search(text):
        return []
    asked = set(_ASKED.findall(text))
    found: dict[str, Started] = {}
    is_first, is_place = True, False
    place = 0
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:  # a quote that is still open
            return []
        word = token["word"]
        if token["end"] is not None:
            is_first = True
        elif token["redirection"] is not None:
            is_place = True
        elif word is not None and is_place:
            is_place = False
        elif word is not None and is_first and not (word in _OPENERS or _ASSIGNMENT.match(word)):
            is_first = False
            if _is_program(word) and word not in asked:
                found.setdefault(word, Started(word, text.count("\n", 0, place) + 1))
        place = token.end()
    return list(found.values())


def _is_program(word: str) -> bool:
    """Whether the first word of a command is certain to name a program."""
    if _PLAIN.fullmatch(word) is None or word in _BUILTINS or word in _OTHERS:
        return False
    return "/" not in word or word.startswith("/")
