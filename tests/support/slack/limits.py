"""What Slack refuses about blocks, as its reference says."""

from collections.abc import Iterator
from typing import Any

MAX_BLOCKS = 50
MAX_ALL = 13_200


def fault_in(blocks: Any) -> str | None:
    """Slack's word for what is wrong with the blocks of a message; None: nothing is."""
    if not isinstance(blocks, list) or len(blocks) > MAX_BLOCKS:
        return "invalid_blocks"
    if any(not _is_right(block) for block in blocks):
        return "invalid_blocks"
    return "msg_blocks_too_long" if sum(map(len, texts_of(blocks))) > MAX_ALL else None


def texts_of(part: Any) -> Iterator[str]:
    """All texts within blocks."""
    if isinstance(part, dict):
        if isinstance(part.get("text"), str):
            yield part["text"]
        for value in part.values():
            yield from texts_of(value)
    elif isinstance(part, list):
        for value in part:
            yield from texts_of(value)


def _is_right(block: dict[str, Any]) -> bool:
    match block["type"]:
        case "header":
            return 0 < len(block["text"]["text"]) <= 150 and block["text"]["type"] == "plain_text"
        case "rich_text":
            return bool(block["elements"]) and all(map(_is_right_part, block["elements"]))
        case _:
            return False


def _is_right_part(part: dict[str, Any]) -> bool:
    elements = part["elements"]
    texts = [element["text"] for element in elements if element["type"] == "text"]
    kinds = {"text"} if part["type"] == "rich_text_preformatted" else {"text", "link"}
    return (
        part["type"] in ("rich_text_section", "rich_text_preformatted")
        and bool(elements)
        and all(element["type"] in kinds for element in elements)
        and all(texts)
        and sum(map(len, texts)) <= 3_000
    )
