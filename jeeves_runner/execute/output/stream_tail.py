"""The end of a stream, as a run's row stores it."""

from jeeves_runner.execute.output.utf8 import without_start

MAX_LINES = 100
MAX_BYTES = 64 * 1024


class StreamTail:
    """Keeps the last 100 lines and 64 KiB of UTF-8 text in bounded memory."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._bytes = 0
        self._newlines = 0
        self._last_line = 0  # bytes of it, with its newline
        self._ended = False

    def add(self, data: bytes) -> None:
        """Take more text; ``data`` is valid UTF-8 and ends between characters."""
        self._bytes += len(data)
        self._newlines += data.count(b"\n")
        self._measure_last_line(data)
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
        text = tail.decode("utf-8", "ignore")
        cut = self._cut(tail)
        return f"… {cut} cut\n{text}" if cut else text

    def _cut(self, tail: bytes) -> str:
        """What is missing before ``tail``: lines, the start of its only line, or both."""
        lines = self._newlines - tail.count(b"\n")
        of_this_line = max(self._last_line - len(tail), 0)
        return " and ".join(
            f"{count} {noun}"
            for count, noun in (
                (lines, "line" if lines == 1 else "lines"),
                (of_this_line, "byte of this line" if of_this_line == 1 else "bytes of this line"),
            )
            if count
        )

    def _measure_last_line(self, data: bytes) -> None:
        if not data:
            return
        end = len(data) - 1 if data.endswith(b"\n") else len(data)
        newline = data.rfind(b"\n", 0, end)
        if newline != -1:
            self._last_line = len(data) - newline - 1
        elif self._ended:
            self._last_line = len(data)
        else:
            self._last_line += len(data)
        self._ended = data.endswith(b"\n")


def _from_a_line_start(tail: bytes) -> bytes:
    """Without its first line, whose beginning is missing; unless there is no other line."""
    newline = tail.find(b"\n")
    if newline in (-1, len(tail) - 1):
        return without_start(tail)
    return tail[newline + 1 :]


def _last_lines(tail: bytes) -> bytes:
    """The last lines; a text's final newline ends its last line and begins no other."""
    start = len(tail) - 1 if tail.endswith(b"\n") else len(tail)
    for _ in range(MAX_LINES):
        start = tail.rfind(b"\n", 0, start)
        if start == -1:
            return tail
    return tail[start + 1 :]
