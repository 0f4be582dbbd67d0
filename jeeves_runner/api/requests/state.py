"""What requests for state may hold."""

from typing import Annotated, NamedTuple

from jeeves_runner.api.parameters import MAX_LIMIT, Cursor, Name, Text, Whole


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
    path: Annotated[str | None, Text()] = None
    """A JSONPath (RFC 9535): the answer is what it selects of the page."""


class ItemsQuery(NamedTuple):
    """A page of the items of a key."""

    limit: Annotated[int, Whole(1, MAX_LIMIT)] = MAX_LIMIT
    """At most this many."""
    cursor: Annotated[str | None, Cursor()] = None
    """The ``next_cursor`` of the page before; without it from the newest."""
