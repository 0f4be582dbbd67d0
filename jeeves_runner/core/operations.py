"""What can be done with state and queues, as values: scripts, commands and requests all say it with these.

Values of JSON are texts in them. Scripts import this module on every run, so it uses no dataclasses, which
would make that import slower.
"""

from typing import Final, NamedTuple

from jeeves_runner.core.values import Expect

LOWEST_PRIORITY: Final = -1_000_000_000

MAX_ERROR_LENGTH: Final = 10_000
"""Characters that are kept of why an item was not done."""


class SetState(NamedTuple):
    """Store a value."""

    namespace: str
    """Where."""
    key: str
    """Under which name."""
    value: str
    """The value, a JSON text."""
    ttl_ms: int | None = None
    """For how long, in milliseconds; None: for good."""
    expect: str | Expect = Expect.ANYTHING
    """What the key must hold for that: a JSON text, no value, or anything."""


class DeleteState(NamedTuple):
    """Remove a key with its items."""

    namespace: str
    """Where."""
    key: str
    """Which."""


class SetItem(NamedTuple):
    """Store an item below a key."""

    namespace: str
    """Where."""
    key: str
    """Below which key."""
    item_key: str
    """Under which name."""
    value: str
    """The value, a JSON text."""
    ttl_ms: int | None = None
    """For how long, in milliseconds; None: for good."""


class DeleteItem(NamedTuple):
    """Remove an item."""

    namespace: str
    """Where."""
    key: str
    """Below which key."""
    item_key: str
    """Which."""


class PruneItems(NamedTuple):
    """Remove all items of a key but the newest."""

    namespace: str
    """Where."""
    key: str
    """Below which key."""
    keep: int
    """How many stay."""


class Enqueue(NamedTuple):
    """Add items to a queue."""

    queue: str
    """Its id."""
    payloads: tuple[str, ...]
    """JSON texts, one for each item."""
    priority: int = 0
    """Higher ones are claimed first."""
    delay_ms: int = 0
    """Not to be claimed before so many milliseconds have passed."""
    max_attempts: int | None = None
    """Instead of the queue's own number."""


class Claim(NamedTuple):
    """Take ready items of a queue."""

    queue: str
    """Its id."""
    most: int = 1
    """At most so many."""
    lease_ms: int | None = None
    """For how many milliseconds; None: as the queue says."""


class Complete(NamedTuple):
    """Answer a claim: done."""

    item_id: int
    """The item."""
    lease_token: str
    """What the claim has given."""
    queue: str | None = None
    """The queue that the item must be of; None: any."""


class Fail(NamedTuple):
    """Answer a claim: not done."""

    item_id: int
    """The item."""
    lease_token: str
    """What the claim has given."""
    error: str
    """Why."""
    retry_in_ms: int | None = None
    """After how many milliseconds it may be claimed again; None: as the queue says."""
    queue: str | None = None
    """The queue that the item must be of; None: any."""


class Extend(NamedTuple):
    """Let a claim last longer."""

    item_id: int
    """The item."""
    lease_token: str
    """What the claim has given."""
    lease_ms: int
    """How many milliseconds from now it ends."""
    queue: str | None = None
    """The queue that the item must be of; None: any."""


class GetState(NamedTuple):
    """The value of a key."""

    namespace: str
    """Where."""
    key: str
    """Which."""


class GetItem(NamedTuple):
    """The value of an item."""

    namespace: str
    """Where."""
    key: str
    """Below which key."""
    item_key: str
    """Which."""


class CountItems(NamedTuple):
    """How many items a key has."""

    namespace: str
    """Where."""
    key: str
    """Below which key."""


class ListItemKeys(NamedTuple):
    """The names of a key's items, by their last write."""

    namespace: str
    """Where."""
    key: str
    """Below which key."""
    limit: int | None = None
    """At most so many; None: all."""
    newest_first: bool = True
    """Whether the last written comes first."""


Gathered = SetState | DeleteState | SetItem | DeleteItem | PruneItems | Enqueue | Complete | Fail | Extend
"""What can be one of several in a transaction."""

Write = Gathered | Claim
Read = GetState | GetItem | CountItems | ListItemKeys

NAMES: Final[dict[str, type[Gathered]]] = {
    "set_state": SetState,
    "delete_state": DeleteState,
    "set_item": SetItem,
    "delete_item": DeleteItem,
    "prune_items": PruneItems,
    "enqueue": Enqueue,
    "complete": Complete,
    "fail": Fail,
    "extend": Extend,
}
"""What they are called in JSON."""
