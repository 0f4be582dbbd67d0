"""What writes and reads of state and queues answer."""

from typing import Literal, TypedDict


class ValueDocument(TypedDict):
    """A value that a script keeps."""

    value: object
    """Any JSON value."""


class StoredDocument(TypedDict):
    """Whether a value was stored."""

    stored: bool
    """Whether it was; not where the key does not hold what was expected."""


class DeletedDocument(TypedDict):
    """Whether something was removed."""

    deleted: bool
    """Whether there was something."""


class PrunedDocument(TypedDict):
    """How much was removed."""

    pruned: int
    """How many items."""


class ItemKeysDocument(TypedDict):
    """The items of a key, by their last write."""

    keys: list[str]
    """Their names."""
    count: int
    """How many there are, on this list or not."""


class IdsDocument(TypedDict):
    """What was added to a queue."""

    ids: list[int | None]
    """The number of each item in the order of the payloads; null for one that the queue knows already."""


class ClaimedItemDocument(TypedDict):
    """An item that was claimed."""

    id: int
    """Its number."""
    payload: object
    """Any JSON value."""
    attempt: int
    """Which attempt at it this is, from 1."""
    lease_token: str
    """It proves the claim, in every answer to it."""


class ClaimedDocument(TypedDict):
    """What was claimed."""

    items: list[ClaimedItemDocument]
    """In the order of claims; none where none was ready."""


class AnsweredItemDocument(TypedDict):
    """An item whose claim was answered."""

    id: int
    """Its number."""
    status: Literal["completed", "pending", "failed", "claimed"]
    """What it is now."""


class AnsweredDocument(TypedDict):
    """Items whose claims were answered."""

    items: list[AnsweredItemDocument]
    """In the order of the request."""


class ResultsDocument(TypedDict):
    """What the operations of a transaction have come to."""

    results: list[object]
    """Of each: whether it was stored or deleted, how many items went, ids, the item's status, or null."""
