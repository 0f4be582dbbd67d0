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

_FREE: Final = frozenset({"run", "prompt", "description", "name"})
"""Keys of texts in which colons mean nothing."""

_PLAIN: Final = _FREE | {
    *("after", "args", "command", "exclude", "needs", "of", "on_change", "reads", "schedule", "tags"),
    *("triggers", "uses", "writes"),
}
"""Keys below which plain texts may stand."""

_URLS: Final = _PLAIN | {"path"}
"""Keys that have URLs; another one is that of a heartbeat which lost its key."""

_ITEM: Final = re.compile(r"(?:-[ \t]+)*(?:-$)?")
_KEY: Final = re.compile(r"""("[^"{:]*"|'[^'{:]*'|[\w.$-]+)(\s*:)(?=\s|$)\s*""")
_FLOW_KEY: Final = re.compile(r"""([\w.$-]+)(?:["']\s*:|["']?\s*:(?=[\s"'\[{]|$))\s*""")
_HIDDEN_KEY: Final = re.compile(rf"""\b({"|".join(sorted(_NEVER_SHOWN))})["']?\s*:\s*""")
_VARIABLE: Final = re.compile(r"""\s*["']?([A-Z][A-Z0-9_]+)["']?\s*:(?=\s|$)\s*""")
_BEGINS: Final = re.compile(r"""[\[{][\[{ \t]*["']?([\w.$-]+)["']?\s*:""")
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
    inner: int | None = None
    """The column at which what is below it begins; None: nothing came yet."""

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
    head, rest = line[: indent + start], content[start:]
    if above is not None and above.is_text:
        if above.inner is None or indent >= above.inner:
            return _line_of_text(line, indent, above, stack)
        stack.pop()
        above = stack[-1] if stack else None
    if content.startswith("#"):
        return " " * indent + "# …"
    return head + _value(rest, indent + start, above, stack)


def _value(rest: str, column: int, above: _Block | None, stack: list[_Block]) -> str:
    """What is shown of a line behind its indentation."""
    key = _KEY.match(rest)
    if above is not None and above.inner is None:
        above = stack[-1] = above._replace(inner=column)
    if above is not None and not above.shows and not (key and above.names and column == above.inner):
        return rest if _CLOSES.match(rest) else HIDDEN
    if key is None:
        is_shown = above is not None and above.shows and above.key in _PLAIN
        return _text(rest, is_shown=is_shown, column=column, stack=stack)
    name, value = key[1].strip("\"'"), rest[key.end() :]
    hides = (above is not None and above.names) or name in _NEVER_SHOWN
    if not _COMMENT.sub("", value).strip():
        stack.append(_Block(column, name, shows=not hides, names=name == "env"))
        return rest if not value else key[0] + "# …"
    if hides or name not in _known() or ("://" in value and name not in _URLS):
        stack.append(_Block(column, name, shows=False))
        return key[0] + HIDDEN
    if value[0] in "|>":
        stack.append(_Block(column, name, shows=name in _FREE, is_text=True))
        return rest
    stack.append(_Block(column, name, shows=True))
    return key[0] + _text(value, is_shown=True, column=column, stack=stack, is_free=name in _FREE)


def _line_of_text(line: str, indent: int, above: _Block, stack: list[_Block]) -> str:
    """A line of a text on several. Keys in it may show that it was not meant to be one."""
    stack[-1] = above._replace(inner=indent if above.inner is None else above.inner)
    if not above.shows:
        return " " * indent + HIDDEN
    key = _HIDDEN_KEY.search(line) or _VARIABLE.match(line)
    if key is None:
        return line
    stack[-1] = stack[-1]._replace(shows=False)
    return line[: key.end()] + HIDDEN


def _text(text: str, *, is_shown: bool, column: int, stack: list[_Block], is_free: bool = False) -> str:
    """A value, or a part of one. Keys may stand within it: where it has braces, and where a line was joined
    with the next. ``is_free``: it may be any text."""
    if not is_shown:
        begins = _BEGINS.match(text)
        if begins is None or begins[1] not in _known():
            return text if _CLOSES.match(text) else HIDDEN
    for key in (_HIDDEN_KEY if is_free and text[0] not in "{[" else _FLOW_KEY).finditer(text):
        if key[1] in _NEVER_SHOWN or key[1] not in _known():
            stack.append(_Block(column, key[1], shows=False))
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
