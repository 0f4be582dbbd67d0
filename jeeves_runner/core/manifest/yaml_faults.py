"""libyaml's complaints in words that say what to do.

A hint that shows a value shows it as it works when pasted.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from yaml import YAMLError
from yaml._yaml import CParser
from yaml.tokens import (
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
    ScalarToken,
)

from jeeves_runner.core.wording import brief

FARTHEST: Final = 256 * 1024
"""Characters that are parsed again for a better hint: that takes four times as long as the first time."""

_OPENING: Final = (FlowMappingStartToken, FlowSequenceStartToken)
_CLOSING: Final = (FlowMappingEndToken, FlowSequenceEndToken)


class YamlFault(NamedTuple):
    """What is wrong, at a line and column that count from 1."""

    line: int
    column: int
    message: str
    hint: str | None = None


class _Around(NamedTuple):
    """What stands before a complaint's place, each by the index where it begins and ends.

    ``depth``: how many brackets are open. ``value``: the last quoted text or outermost bracket.
    """

    depth: int
    value: tuple[int, int] | None


class _Complaint:
    """One of libyaml's errors with the text it is about.

    ``at`` and ``since`` are indexes into the text: where libyaml noticed the error, and where the thing
    began that it was reading.
    """

    def __init__(self, error: YAMLError, text: str) -> None:
        problem: Any = getattr(error, "problem_mark", None)
        context: Any = getattr(error, "context_mark", None)
        self.text = text
        self.problem = str(getattr(error, "problem", None) or error)
        self.context = str(getattr(error, "context", None) or "")
        self.at: int = (problem or context).index
        self.since: int = (context or problem).index
        self._around: dict[int, _Around] = {}

    def line_of(self, index: int) -> int:
        return self.text.count("\n", 0, index) + 1

    def column_of(self, index: int) -> int:
        return index - self.text.rfind("\n", 0, index)

    def fault(self, index: int, message: str, hint: str | None) -> YamlFault:
        return YamlFault(
            self.line_of(index), self.column_of(index), f"YAML cannot be read here: {message}", hint
        )

    def indent(self, line: int) -> int:
        start = self.start_of(line)
        source = self.text[start:].partition("\n")[0]
        return len(source) - len(source.lstrip(" "))

    def before(self) -> str:
        """The part of the line before the place."""
        return self.text[self.text.rfind("\n", 0, self.at) + 1 : self.at]

    def value_from(self, index: int) -> str:
        """What was probably meant as one value: the text to the end of the line, without a comment, or
        within brackets to the end of the entry."""
        value = self.text[index:].partition("\n")[0].partition(" #")[0]
        if self.around(index).depth:
            ends = [n for n, letter in enumerate(value) if letter in "]}" or value[n : n + 2] == ", "]
            value = value[: min(ends, default=len(value))].rstrip(",")
        return value.strip()

    def line_above(self, line: int) -> int | None:
        """The nearest line above that is not blank."""
        above = self.text[: self.start_of(line)].rstrip()
        return above.count("\n") + 1 if above else None

    def start_of(self, line: int) -> int:
        """Where a line begins, as an index into the text."""
        start = 0
        for _ in range(line - 1):
            start = self.text.index("\n", start) + 1
        return start

    def around(self, index: int) -> _Around:
        """What stands before a place; nothing is known of places beyond FARTHEST."""
        if index not in self._around:
            self._around[index] = self._parsed_to(index) if index <= FARTHEST else _Around(0, None)
        return self._around[index]

    def _parsed_to(self, index: int) -> _Around:
        """Parse again, only up to there: libyaml does not deliver what stands shortly before an error."""
        parser: Any = CParser(self.text[:index])
        opened: list[int] = []
        value = None
        try:
            while parser.check_token():
                token = parser.get_token()
                if isinstance(token, _OPENING):
                    opened.append(token.start_mark.index)
                elif isinstance(token, _CLOSING) and opened:
                    value = (opened.pop(), token.end_mark.index)
                elif isinstance(token, ScalarToken) and token.style in ("'", '"'):
                    value = (token.start_mark.index, token.end_mark.index)
        except YAMLError:
            pass  # another error of the same text
        return _Around(len(opened), value)


def explain(error: YAMLError, text: str) -> YamlFault:
    """What ``error``, raised for ``text``, means and what to do about it."""
    if getattr(error, "problem_mark", None) is None and getattr(error, "context_mark", None) is None:
        return _unreadable_character(error, text)
    complaint = _Complaint(error, text)
    for rule in _RULES:
        if (fault := rule(complaint)) is not None:
            return fault
    return complaint.fault(complaint.at, complaint.problem, None)


def quoted(text: str) -> str:
    """The text as a quoted YAML value."""
    return "'" + text.replace("'", "''") + "'" if '"' in text or "\\" in text else f'"{text}"'


def _with(value: str, hint: str) -> str:
    """The hint with the value as it should stand, unless that is too long to be shown."""
    return f"{hint}: {quoted(value)}" if brief(value) == value else hint


def _unreadable_character(error: YAMLError, text: str) -> YamlFault:
    """libyaml reads bytes before it parses: the place of such an error is counted in bytes."""
    position = getattr(error, "position", 0)
    before = text.encode()[:position]
    code = getattr(error, "character", 0)
    message = f"YAML cannot be read here: {getattr(error, 'reason', None) or error}"
    escape = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    hint = f'remove it, or write it as an escape in double quotes: "{escape}"'
    return YamlFault(before.count(b"\n") + 1, position - (before.rfind(b"\n") + 1) + 1, message, hint)


def _tab(complaint: _Complaint) -> YamlFault | None:
    if complaint.text[complaint.at : complaint.at + 1] == "\t" or "a tab character" in complaint.problem:
        return complaint.fault(complaint.at, "a tab stands where spaces must", "use spaces instead of tabs")
    return None


def _indicator(complaint: _Complaint) -> YamlFault | None:
    """A plain text that begins with a character which means something in YAML."""
    if complaint.context.endswith(("an alias", "an anchor", "a block scalar")):
        start = complaint.since
    elif "cannot start any token" in complaint.problem:
        start = complaint.at
    else:
        return None
    value = complaint.value_from(start)
    hint = _with(value, f"quote text that starts with `{value[:1]}`")
    return complaint.fault(complaint.at, "text cannot start with this character unless it is quoted", hint)


def _open_quote(complaint: _Complaint) -> YamlFault | None:
    if "end of stream" not in complaint.problem or "quoted scalar" not in complaint.context:
        return None
    quote = complaint.text[complaint.since]
    return complaint.fault(
        complaint.since, "the quote that opens here is never closed", f"close it with {quote}"
    )


def _escape(complaint: _Complaint) -> YamlFault | None:
    if "escape character" not in complaint.problem:
        return None
    hint = "in double quotes a backslash begins an escape: double it, or use single quotes"
    return complaint.fault(complaint.at, complaint.problem, hint)


def _text_after_value(complaint: _Complaint) -> YamlFault | None:
    """``"a" b``, ``'it's'``, ``[x] y``: libyaml has taken the first part for all of the value."""
    if "expected key" not in complaint.problem and "expected ',' or" not in complaint.problem:
        return None
    text, (depth, value) = complaint.text, complaint.around(complaint.at)
    if value is None or complaint.at >= len(text) or "\n" in text[value[1] : complaint.at]:
        return None
    start, end = value
    if text[start] not in "'\"":
        whole = text[start:end] if depth else complaint.value_from(start)
        hint = _with(whole, f"quote text that starts with `{text[start]}`")
        return complaint.fault(complaint.at, "text follows the closing bracket", hint)
    if "\n" in text[start:end]:
        message = (
            f"the quote that opens here closes in line {complaint.line_of(end)}, where more text follows"
        )
        return complaint.fault(start, message, f"close it in line {complaint.line_of(start)}")
    message = "text follows the closing quote"
    if depth and text[complaint.at] in "'\"":
        return complaint.fault(complaint.at, message, "put a comma between the entries")
    whole = complaint.value_from(start)
    if not text[end].isspace() and whole.endswith(whole[0]):  # the quotes within are meant as letters
        whole = whole[1:-1]
    return complaint.fault(complaint.at, message, _with(whole, "quote all of it"))


def _second_colon(complaint: _Complaint) -> YamlFault | None:
    """A colon where libyaml was reading a value: the line is indented too deep, the line above has no
    colon, or the value contains one."""
    if "mapping values are not allowed" not in complaint.problem:
        return None
    before, line = complaint.before(), complaint.line_of(complaint.at)
    _key, colon, value = before.partition(": ")
    above = complaint.line_above(line)
    if colon:
        whole = complaint.value_from(complaint.at - len(value))
        hint = _with(whole, 'quote text that contains ": "')
        return complaint.fault(
            complaint.at, "a value cannot contain a second colon unless it is quoted", hint
        )
    if above is None:
        return None
    if complaint.indent(line) > complaint.indent(above):
        message = f"this line is indented deeper than line {above}, which has its value already"
        return complaint.fault(complaint.at, message, f"indent it like line {above}")
    return complaint.fault(
        complaint.at, f"line {above} is no `key: value`", "write `key: value`, with a space after the colon"
    )


def _indentation(complaint: _Complaint) -> YamlFault | None:
    if "expected key" not in complaint.problem and "expected '-' indicator" not in complaint.problem:
        return None
    if complaint.before().strip():
        return None
    kind = "list" if "collection" in complaint.context else "mapping"
    line, column = complaint.line_of(complaint.since), complaint.column_of(complaint.since)
    hint = (
        f"begin it in the column of the {kind} it belongs to: the one from line {line} is in column {column}"
    )
    return complaint.fault(complaint.at, "the indentation fits nothing above", hint)


def _bracket(complaint: _Complaint) -> YamlFault | None:
    if "expected ',' or" in complaint.problem:
        line = complaint.line_of(complaint.since)
        return complaint.fault(
            complaint.at, complaint.problem, f"the bracket that was opened in line {line} is not closed"
        )
    if "document start" in complaint.problem and complaint.text[complaint.at : complaint.at + 1] in "]}":
        return complaint.fault(complaint.at, "this bracket was never opened", "remove it")
    return None


def _colon(complaint: _Complaint) -> YamlFault | None:
    if "could not find expected ':'" not in complaint.problem:
        return None
    hint = "write `key: value`, with a space after the colon"
    return complaint.fault(complaint.at, complaint.problem, hint)


_RULES: Final[tuple[Callable[[_Complaint], YamlFault | None], ...]] = (
    _tab,
    _indicator,
    _open_quote,
    _escape,
    _text_after_value,
    _second_colon,
    _indentation,
    _bracket,
    _colon,
)
