"""A long text on its way to a channel: its file is read in a thread, because its disk may hang."""

from collections.abc import AsyncIterator

from jeeves_runner.core.alerts.whole_text import WholeText
from jeeves_runner.side_thread import SideThread


async def portions(text: WholeText) -> AsyncIterator[bytes]:
    """Its bytes. OSError where they cannot be read, or not soon."""
    thread = SideThread("a text that is sent")
    parts = text.read()
    while (part := await thread.call(lambda: next(parts, None))) is not None:
        yield part


async def ends_of(text: WholeText, most: int) -> bytes:
    """All of it, or where that is more than ``most`` bytes, the first and the last half of as many, with a
    line between them that says how much is missing. OSError as above."""
    first, last = (most, 0) if text.size <= most else (most // 2, most // 2)
    head, tail = bytearray(), bytearray()
    async for part in portions(text):
        room = first - len(head)
        head += part[:room]
        tail += part[room:]
        del tail[: len(tail) - last]
    if not last:
        return bytes(head)
    begins, ends = _whole_characters(head), _whole_characters(tail)
    return begins + f"\n… {text.size - len(begins) - len(ends)} bytes cut …\n".encode() + ends


def _whole_characters(data: bytearray) -> bytes:
    return data.decode("utf-8", "ignore").encode()
