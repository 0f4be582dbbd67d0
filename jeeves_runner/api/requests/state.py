"""What requests for state may hold."""

from typing import Annotated, NamedTuple

from jeeves_runner.api.parameters import MAX_LIMIT, Cursor, Name, Selection, Text, Whole, Word
from jeeves_runner.core.values import MAX_WHOLE


class NamespacePath(NamedTuple):
    """A namespace of state."""

    namespace: Annotated[str, Text()]
    """Its name."""


class StatePath(NamedTuple):
    """A key of a namespace."""

    namespace: Annotated[str, Text()]
    """The namespace's name."""
    key: Annotated[str, Text()]
    """The key."""


class StateItemPath(NamedTuple):
    """An item of a key."""

    namespace: Annotated[str, Text()]
    """The namespace's name."""
    key: Annotated[str, Text()]
    """The key."""
    item: Annotated[str, Text()]
    """The item's name."""


class WrittenKeyPath(NamedTuple):
    """A key that is written."""

    namespace: Annotated[str, Name()]
    """The namespace's name."""
    key: Annotated[str, Name()]
    """The key."""


class WrittenItemPath(NamedTuple):
    """An item that is written."""

    namespace: Annotated[str, Name()]
    """The namespace's name."""
    key: Annotated[str, Name()]
    """The key."""
    item: Annotated[str, Name()]
    """The item's name."""

    @property
    def item_key(self) -> str:
        return self.item


class ItemKeysQuery(NamedTuple):
    """Which names of items to tell, and in which order."""

    limit: Annotated[int | None, Whole(0, MAX_WHOLE)] = None
    """At most this many; None: all."""
    order: Annotated[str, Word(("desc", "asc"))] = "desc"
    """The last written first, or last."""


class KeysQuery(NamedTuple):
    """A page of what has names, in their order."""

    limit: Annotated[int, Whole(1, MAX_LIMIT)] = MAX_LIMIT
    """At most this many."""
    cursor: Annotated[str | None, Name()] = None
    """The last name of the page before; without it from the first."""


class ValuesQuery(NamedTuple):
    """A page of the values of a namespace, or a part of it."""

    limit: Annotated[int, Whole(1, MAX_LIMIT)] = MAX_LIMIT
    """At most this many keys."""
    cursor: Annotated[str | None, Name()] = None
    """The last key of the page before; without it from the first."""
    path: Annotated[str | None, Selection()] = None
    """A JSONPath (RFC 9535): the answer is what it selects of the page."""


class ItemsQuery(NamedTuple):
    """A page of the items of a key."""

    limit: Annotated[int, Whole(1, MAX_LIMIT)] = MAX_LIMIT
    """At most this many."""
    cursor: Annotated[str | None, Cursor()] = None
    """The ``next_cursor`` of the page before; without it from the newest."""
