"""Answers of parts of a document, selected by JSONPath."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from jeeves_runner.api.responses import encode, encoded_list
from jeeves_runner.core.json_path import select
from jeeves_runner.errors import InvalidValue

MOST: Final = 4 << 20
"""Bytes of JSON: values within values are selected again and again."""


def selected(document: Mapping[str, object], path: str) -> Iterator[bytes]:
    """``{result, count}`` as JSON, part by part. InvalidValue for what is no path, and for what is too much.

    To find the values takes up to a second: not for the event loop.
    """
    yield from found(select(document, path))


def found(values: Sequence[object], most: int = MOST) -> Iterator[bytes]:
    """The same of values that were found; InvalidValue for more than so many bytes of JSON."""
    size = 0
    yield b'{"result":'
    for part in encoded_list(values):
        size += len(part)
        if size > most:
            raise InvalidValue(
                f"path selects more than {most >> 20} MiB", hint="name more of the way to what you want"
            )
        yield part
    yield b',"count":' + encode(len(values)) + b"}"
