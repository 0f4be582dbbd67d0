"""Parts of a document, selected by JSONPath."""

from typing import TypedDict


class SelectedDocument(TypedDict):
    """What a path selects of a document."""

    result: list[object]
    """The values, in the order of the path."""
    count: int
    """How many they are."""
