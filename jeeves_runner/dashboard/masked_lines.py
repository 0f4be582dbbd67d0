"""Lines of a manifest as all may see them who look at pages.

A document hides what is secret by what it knows of a spec. A file that is held has no spec: what is wrong
with it may be the very line that makes a secret of a text, or a word misspelt above one. So this goes the
other way round: of a line only the keys of manifests are shown, with the values that documents show as well.
Variables, defaults and comments are not, nor is what stands under a key that manifests do not have, or under
none. It goes line by line and by indentation, because such a file need not be YAML.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from jeeves_runner.core.field_changes import HIDDEN
from jeeves_runner.schemas_text import manifest_schema

_NEVER_SHOWN: Final = frozenset({"env", "heartbeat", "default", "enum"})
"""Keys whose values are secrets, or may become some."""

_LISTS: Final = frozenset({"jobs", "queues", "nodes", "defaults"})
"""Keys that hold mappings alone: a text below them is out of place."""

_ITEM: Final = re.compile(r"(?:-[ \t]+)*(?:-$)?")
_KEY: Final = re.compile(r"""("[^"]*"|'[^']*'|[\w.$-]+)(\s*:)(?=\s|$)\s*""")
_FLOW_KEY: Final = re.compile(r"""("[^"]*"|'[^']*'|[\w.$-]+)(\s*:)(?=[\s"'\[{]|$)\s*""")
_CLOSES: Final = re.compile(r"[\]}, \t]*$")
_COMMENT: Final = re.compile(r"(?:^|(?<=[ \t]))#.*")
_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class _Block(NamedTuple):
    """A key whose value goes on below it."""

    indent: int
    """The column of the key, from 0."""
    key: str
    """The key."""
    shows: bool
    """Whether texts below it are shown."""
    is_text: bool = False
    """Whether all below it is one text."""
    names: bool = False
    """Whether the keys right below it are shown though their values are not."""

    def goes_on_at(self, indent: int, *, is_item: bool) -> bool:
        """Whether a line of this indentation is a part of the value: entries of a list may stand right below
        their key."""
        return indent > self.indent or (is_item and not self.is_text and indent == self.indent)


def lines_of(text: str) -> list[str]:
    """The lines of a YAML document (YAML 1.1, section 5.4)."""
    return _BREAK.split(text)


def masked(lines: Sequence[str], first: int, last: int) -> Iterator[str]:
    """The lines from ``first`` to ``last``, from 0, without what may be secret."""
    stack: list[_Block] = []
    for place in range(_top_before(lines, first), min(last + 1, len(lines))):
        shown = _masked(lines[place], stack)
        if place >= first:
            yield shown


def _top_before(lines: Sequence[str], place: int) -> int:
    """The line at which nothing is open any more that stands above it."""
    while place > 0 and (not lines[place] or lines[place][0] in " \t-#"):
        place -= 1
    return max(place, 0)


def _masked(line: str, stack: list[_Block]) -> str:
    content = line.strip()
    if not content:
        return ""
    indent = len(line) - len(line.lstrip())
    item = _ITEM.match(content)
    start = len(item.group()) if item else 0
    while stack and not stack[-1].goes_on_at(indent, is_item=start > 0):
        stack.pop()
    above = stack[-1] if stack else None
    if above is not None and above.is_text:
        return line if above.shows else " " * indent + HIDDEN
    if content.startswith("#"):
        return " " * indent + "# …"
    head, rest = line[: indent + start], content[start:]
    return head + _value(rest, indent + start, above, stack)


def _value(rest: str, column: int, above: _Block | None, stack: list[_Block]) -> str:
    """What is shown of a line behind its indentation."""
    key = _KEY.match(rest)
    if above is not None and not above.shows and not (above.names and key):
        return rest if _CLOSES.match(rest) else HIDDEN
    if key is None:
        is_shown = above is not None and above.shows and above.key not in _LISTS
        return _text(rest, is_shown=is_shown, column=column, stack=stack)
    name, value = key[1].strip("\"'"), rest[key.end() :]
    hides = (above is not None and above.names) or name in _NEVER_SHOWN
    if not _COMMENT.sub("", value).strip():
        stack.append(_Block(column, name, shows=not hides, names=name == "env"))
        return rest if not value else key[0] + "# …"
    if hides or name not in _known():
        stack.append(_Block(column, name, shows=False))
        return key[0] + HIDDEN
    if value[0] in "|>":
        stack.append(_Block(column, name, shows=True, is_text=True))
        return rest
    stack.append(_Block(column, name, shows=True))
    return key[0] + _text(value, is_shown=True, column=column, stack=stack)


def _text(text: str, *, is_shown: bool, column: int, stack: list[_Block]) -> str:
    """A value, or a part of one. Keys may stand within it where it has braces."""
    if text[0] not in "{[":
        if not (is_shown or _CLOSES.match(text)):
            return HIDDEN
        return _COMMENT.sub("# …", text) if "{" not in text else _flow(text, column, stack)
    return _flow(text, column, stack)


def _flow(text: str, column: int, stack: list[_Block]) -> str:
    for key in _FLOW_KEY.finditer(text):
        name = key[1].strip("\"'")
        if name in _NEVER_SHOWN or name not in _known():
            stack.append(_Block(column, name, shows=False))
            return text[: key.end()] + HIDDEN
    return _COMMENT.sub("# …", text)


@cache
def _known() -> frozenset[str]:
    """The keys of manifests."""
    return frozenset(_keys(manifest_schema()))


def _keys(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        found = schema.get("properties")
        if isinstance(found, dict):
            yield from found
    for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _keys(each)
