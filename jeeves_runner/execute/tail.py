"""The end of a stream, as much of it as belongs into a run's row."""

MAX_LINES = 100
MAX_BYTES = 64 * 1024


class Tail:
    """Keeps the last 100 lines and 64 KiB of UTF-8 text in bounded memory."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._bytes = 0
        self._newlines = 0

    def add(self, data: bytes) -> None:
        """Take more text; ``data`` is valid UTF-8 and ends between characters."""
        self._bytes += len(data)
        self._newlines += data.count(b"\n")
        self._kept += data if len(data) <= MAX_BYTES else data[-MAX_BYTES:]
        # Cut at double the size, so that cutting costs little per byte.
        if len(self._kept) > 2 * MAX_BYTES:
            del self._kept[:-MAX_BYTES]

    def text(self) -> str | None:
        """The tail, with a first line that says what was cut; None if there was no output."""
        if not self._bytes:
            return None
        tail = bytes(self._kept[-MAX_BYTES:])
        if len(tail) < self._bytes:
            tail = _from_a_line_start(tail)
        tail = _last_lines(tail)
        cut_lines = self._newlines - tail.count(b"\n")
        text = tail.decode("utf-8", "ignore")
        if cut_lines:
            return f"… {cut_lines} {'line' if cut_lines == 1 else 'lines'} cut\n{text}"
        if len(tail) < self._bytes:
            return f"… {self._bytes - len(tail)} bytes of this line cut\n{text}"
        return text


def _from_a_line_start(tail: bytes) -> bytes:
    """Without a first line of which only the end is there, unless that is all there is."""
    newline = tail.find(b"\n")
    if newline in (-1, len(tail) - 1):
        # Continuation bytes belong to a character that was cut in two.
        return tail.lstrip(bytes(range(0x80, 0xC0)))
    return tail[newline + 1 :]


def _last_lines(tail: bytes) -> bytes:
    """The last lines; a text's final newline ends its last line and begins no other."""
    start = len(tail) - 1 if tail.endswith(b"\n") else len(tail)
    for _ in range(MAX_LINES):
        start = tail.rfind(b"\n", 0, start)
        if start == -1:
            return tail
    return tail[start + 1 :]
