"""The line by which a script reports its result: ``JR_RESULT:{json}``, the last one in stdout."""

from jeeves_runner.core.outcome import RESULT_PREFIX as PREFIX
from jeeves_runner.core.values import decode_json

MAX_BYTES = 64 * 1024
_MAX_DEPTH = 100
_MAX_CHARACTERS = len(PREFIX) + MAX_BYTES + 2


class ResultLine:
    """Follows a text in chunks and keeps its last result line, however much comes after it."""

    def __init__(self) -> None:
        self._last: str | None = None
        self._line = ""  # the start of the unfinished line, as much of it as can matter

    def feed(self, text: str) -> None:
        """Take more text."""
        if self._line:
            rest_of_line, newline, text = text.partition("\n")
            self._extend_line(rest_of_line)
            if not newline:
                return
            self._end_line()
        lines, _, unfinished = text.rpartition("\n")
        start = lines.rfind("\n" + PREFIX) + 1
        if lines.startswith(PREFIX, start):
            end = lines.find("\n", start)
            self._keep(lines[start : end if end != -1 else len(lines)])
        self._extend_line(unfinished)

    def close(self) -> tuple[str | None, str | None]:
        """The result as the text of a JSON object, or None with a note if there was a bad one."""
        self._end_line()
        if self._last is None:
            return None, None
        text = self._last.removeprefix(PREFIX).removesuffix("\r")
        fault = "over 64 KiB" if len(text.encode()) > MAX_BYTES else _fault(text)
        return (text.strip(), None) if fault is None else (None, f"result dropped: {fault}")

    def _extend_line(self, text: str) -> None:
        if self._may_be_result():
            self._line += text[: _MAX_CHARACTERS - len(self._line)]

    def _may_be_result(self) -> bool:
        return self._line.startswith(PREFIX) or PREFIX.startswith(self._line)

    def _end_line(self) -> None:
        if self._line.startswith(PREFIX):
            self._keep(self._line)
        self._line = ""

    def _keep(self, line: str) -> None:
        self._last = line[:_MAX_CHARACTERS]


def _fault(text: str) -> str | None:
    """Why ``text`` is no result, or None."""
    too_deep = f"nested more than {_MAX_DEPTH} levels deep"
    try:
        value = decode_json(text)
    except ValueError:
        return "not a JSON object"
    except RecursionError:
        return too_deep
    if not isinstance(value, dict):
        return "not a JSON object"
    # A value nested deeper could not be encoded again for those who read it.
    return None if _depth_is_sane(value) else too_deep


def _depth_is_sane(value: object) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return True
    return False
