"""Messages as people see them in Slack, as text: for pages of the documentation."""

from collections.abc import Iterator, Sequence
from typing import Any

Block = dict[str, Any]


def picture(blocks: Sequence[Block]) -> str:
    """What the blocks of a message show; an output has bars at its side."""
    return "".join(f"{line}\n" for block in blocks for line in _lines(block))


def conversation(messages: Sequence[dict[str, Any]]) -> str:
    """Messages as the double of Slack has them, and files; what stands in a thread is further right."""
    return "".join(
        _moved(picture(each["blocks"]) or "".join(f"[{file['title']}]\n" for file in each["files"]), each)
        for each in messages
    )


def _moved(text: str, message: dict[str, Any]) -> str:
    return text if message["thread_ts"] is None else "".join(f"    {line}\n" for line in text.splitlines())


def _lines(block: Block) -> Iterator[str]:
    if block["type"] == "header":
        yield block["text"]["text"]
        return
    for part in block["elements"]:
        text = "".join(_shown(element) for element in part["elements"])
        bar = "| " if part["type"] == "rich_text_preformatted" else ""
        yield from (f"{bar}{line}" for line in text.split("\n"))


def _shown(element: Block) -> str:
    return f"{element['text']}: {element['url']}" if element["type"] == "link" else str(element["text"])
