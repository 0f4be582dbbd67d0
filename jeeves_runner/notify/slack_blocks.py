"""A message in the form of Slack's blocks, under its limits whatever the input.

All texts stand in ``rich_text`` blocks, whose elements are literal: nothing in them is read as markup, so an
output with ``<!channel>`` or backticks in it calls no person and breaks nothing. The plain text beside the
blocks, which notifications show, is escaped. The limits are those of Slack's reference of blocks and of
``chat.postMessage``.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from jeeves_runner.core.alerts.message import Message

Block = dict[str, Any]

MAX_HEADER: Final = 150
MAX_TEXT: Final = 3_000
"""Characters of one text."""
MAX_VALUE: Final = 500
"""Characters of one fact, so that there is room for the others."""
MAX_ALL: Final = 10_000
"""Characters of all texts of a message; Slack refuses 13,200 in its blocks together."""
MAX_OUTPUT: Final = 8_000
"""Characters of an output."""
_PART: Final = MAX_TEXT - 200
MAX_LINES: Final = 100
"""Lines of a digest in the message itself."""

_SIGN: Final = {"bad": "\N{LARGE RED CIRCLE}", "good": "\N{LARGE GREEN CIRCLE}", "plain": "\N{BELL}"}
_CUT: Final = "…"


class Rendered(NamedTuple):
    """What is posted."""

    text: str
    """The whole in plain text, for notifications and for clients without blocks; escaped."""
    blocks: list[Block]
    rest: tuple[str, ...]
    """Lines of a digest that had no place in it."""


def render(message: Message) -> Rendered:
    """A message as Slack takes it."""
    room = _Room(MAX_ALL)
    title = room.take(message.title, MAX_HEADER - 2) or "-"
    blocks = [_header(f"{_SIGN[message.tone]} {title}")]
    if len(message.title) > MAX_HEADER - 2:
        blocks.append(_rich(_section([_text(room.take(message.title, MAX_TEXT))])))
    end = [_text(room.take(message.command, 500), code=True)] if message.command else []
    lines = [
        [_text(f"{room.take(fact.name, 100)}: ", bold=True), _text(room.take(fact.value, MAX_VALUE) or "-")]
        for fact in message.facts[:40]
    ]
    blocks += _sections(lines)
    if message.output:
        output = room.take_end(message.output, MAX_OUTPUT)
        parts = (output[at : at + _PART] for at in range(0, len(output), _PART))
        blocks += [_rich(_preformatted(part)) for part in parts]
    shown, rest = _fitting(message.items, room)
    blocks += _sections([[_text(line)] for line in shown])
    if rest:
        blocks.append(_rich(_section([_text(f"and {len(rest):,} more", bold=True)])))
    if end:
        blocks.append(_rich(_section(end)))
    if message.link and len(message.link) <= MAX_TEXT:
        link = {"type": "link", "url": message.link, "text": "show it"}
        blocks.append(_rich(_section([link])))
    return Rendered(plain(message, shown), blocks, rest)


def plain(message: Message, items: tuple[str, ...]) -> str:
    """The message without blocks: what notifications show. Its first line says all that matters."""
    lines = [f"{_SIGN[message.tone]} {message.title}"]
    lines += [f"{fact.name}: {_shortened(fact.value, MAX_VALUE)}" for fact in message.facts]
    lines += items
    lines += [text for text in (message.command, message.link) if text]
    return escaped(_shortened("\n".join(lines), MAX_TEXT))


def escaped(text: str) -> str:
    """As Slack wants the three characters that control its markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class _Room:
    """How many characters a message may still get."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, text: str, most: int) -> str:
        """The beginning of a text, as far as there is room for it."""
        taken = _shortened(text, min(most, self.left))
        self.left -= len(taken)
        return taken

    def take_end(self, text: str, most: int) -> str:
        """The end of a text, which says why."""
        most = max(1, min(most, self.left))
        taken = text if len(text) <= most else _CUT + text[len(text) - most + 1 :]
        self.left -= len(taken)
        return taken


def _fitting(items: tuple[str, ...], room: _Room) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines for which there is room, and the others, none of them cut."""
    for n, item in enumerate(items):
        if n == MAX_LINES or len(item) + 1 > min(MAX_TEXT, room.left - 100):
            return items[:n], items[n:]
        room.left -= len(item) + 1
    return items, ()


def _sections(lines: list[list[Block]]) -> Iterator[Block]:
    """The lines, each of several elements, in as few blocks as can hold them."""
    part: list[list[Block]] = []
    size = 0
    for line in lines:
        length = sum(len(element["text"]) for element in line) + 1
        if part and size + length > MAX_TEXT:
            yield _rich(_section(_joined(part)))
            part, size = [], 0
        part.append(line)
        size += length
    if part:
        yield _rich(_section(_joined(part)))


def _shortened(text: str, most: int) -> str:
    most = max(1, most)
    return text if len(text) <= most else text[: most - 1] + _CUT


def _joined(lines: list[list[Block]]) -> list[Block]:
    """The elements of lines, with line ends between them."""
    joined: list[Block] = []
    for n, line in enumerate(lines):
        joined += [_text("\n"), *line] if n else line
    return joined


def _header(text: str) -> Block:
    # Without `emoji: false` a `:name:` in an id would become a picture.
    return {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _rich(*elements: Block) -> Block:
    return {"type": "rich_text", "elements": list(elements)}


def _section(elements: list[Block]) -> Block:
    return {"type": "rich_text_section", "elements": elements}


def _preformatted(text: str) -> Block:
    return {"type": "rich_text_preformatted", "elements": [_text(text)]}


def _text(text: str, **style: bool) -> Block:
    element: Block = {"type": "text", "text": text or "-"}
    return {**element, "style": style} if style else element
