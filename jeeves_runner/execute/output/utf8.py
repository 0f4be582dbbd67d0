"""Cutting UTF-8 between characters; for logs and for the tails of streams."""

_CONTINUATION = bytes(range(0x80, 0xC0))


def without_start(text: bytes) -> bytes:
    """A piece of UTF-8 without the rest of a character that began before it."""
    return text.lstrip(_CONTINUATION)


def without_unfinished_end(text: bytes) -> bytes:
    """A piece of UTF-8 without the beginning of a character that continues beyond it."""
    end = text[-4:]
    start = len(end.rstrip(_CONTINUATION)) - 1
    if start < 0:
        return text
    lead = end[start]
    length = 4 if lead >= 0xF0 else 3 if lead >= 0xE0 else 2 if lead >= 0xC0 else 1
    present = len(end) - start
    return text[: len(text) - present] if present < length else text
