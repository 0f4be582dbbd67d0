"""What requests that write state and queues may hold, and the operations that they stand for.

Each operation has one form. As a part of a transaction it holds all of it; as a request of its own, what the
path does not say.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, NamedTuple

from jeeves_runner.api.bodies import FlagField
from jeeves_runner.api.body_kinds import (
    ITEM_ID,
    AnyTextField,
    Form,
    FormsField,
    JsonField,
    JsonListField,
    LeaseField,
    NameField,
    OptionalField,
    SpanField,
    WholeField,
    list_schema,
    listed,
    object_of,
    one_of,
)
from jeeves_runner.api.parameters import JsonSchema
from jeeves_runner.core.operations import (
    LOWEST_PRIORITY,
    MAX_ERROR_LENGTH,
    Complete,
    DeleteItem,
    DeleteState,
    Enqueue,
    Extend,
    Fail,
    Gathered,
    PruneItems,
    SetItem,
    SetState,
)
from jeeves_runner.core.values import Expect
from jeeves_runner.core.wording import known_words, shown
from jeeves_runner.db.queue_claims import MAX_CLAIM
from jeeves_runner.errors import InvalidValue


class ValueBody(NamedTuple):
    """A value to be stored."""

    value: Annotated[str, JsonField()]
    """Any JSON value."""
    ttl: Annotated[int | None, SpanField()] = None
    """For how long; without it for good."""
    expect: Annotated[str | Expect, JsonField()] = Expect.ANYTHING
    """Only if the key holds this value."""
    expect_missing: Annotated[bool, FlagField()] = False
    """Only if the key holds none."""


class ItemBody(NamedTuple):
    """An item to be stored."""

    value: Annotated[str, JsonField()] = "null"
    """Any JSON value."""
    ttl: Annotated[int | None, SpanField()] = None
    """For how long; without it for good."""


class PruneBody(NamedTuple):
    """How many items stay."""

    keep: Annotated[int, WholeField(0)]
    """The newest so many."""


class EnqueueBody(NamedTuple):
    """Items to be added: ``payload`` or ``payloads``."""

    payload: Annotated[str | None, JsonField()] = None
    """Of one item; any JSON value."""
    payloads: Annotated[tuple[str, ...] | None, JsonListField()] = None
    """Of several items, all of them or none."""
    priority: Annotated[int, WholeField(LOWEST_PRIORITY)] = 0
    """Higher ones are claimed first."""
    delay: Annotated[int | None, SpanField(0)] = None
    """Not to be claimed before that has passed."""
    max_attempts: Annotated[int | None, OptionalField(WholeField(1))] = None
    """Instead of the queue's own."""


class ClaimBody(NamedTuple):
    """How much to claim."""

    count_: Annotated[int, WholeField(1, MAX_CLAIM)] = 1
    """At most so many items."""
    lease: Annotated[int | None, SpanField()] = None
    """For how long; without it as the queue says."""


class CompleteBody(NamedTuple):
    """What proves a claim."""

    lease_token: Annotated[str, AnyTextField()]
    """From the claim."""


class FailBody(NamedTuple):
    """Why an item was not done."""

    lease_token: Annotated[str, AnyTextField()]
    """From the claim."""
    error: Annotated[str, AnyTextField()]
    """What went wrong."""
    retry_in: Annotated[int | None, SpanField(0)] = None
    """After how long it may be claimed again; without it the queue's backoff."""


class ExtendBody(NamedTuple):
    """For how much longer."""

    lease_token: Annotated[str, AnyTextField()]
    """From the claim."""
    lease: Annotated[int, LeaseField()]
    """How long from now."""


class _Key(NamedTuple):
    namespace: Annotated[str, NameField()]
    key: Annotated[str, NameField()]


class _Item(NamedTuple):
    namespace: Annotated[str, NameField()]
    key: Annotated[str, NameField()]
    item_key: Annotated[str, NameField()]


class _Queue(NamedTuple):
    queue: Annotated[str, NameField()]


class _Claim(NamedTuple):
    id: Annotated[int, ITEM_ID]


def set_state(place: Any, body: ValueBody) -> SetState:
    """``place``: has ``namespace`` and ``key``. InvalidValue for two expectations."""
    expect = body.expect
    if body.expect_missing:
        if expect is not Expect.ANYTHING:
            raise InvalidValue("expect and expect_missing are two expectations; give one of them")
        expect = Expect.MISSING
    return SetState(place.namespace, place.key, body.value, body.ttl, expect)


def delete_state(place: Any, _body: object) -> DeleteState:
    """Likewise."""
    return DeleteState(place.namespace, place.key)


def set_item(place: Any, body: ItemBody) -> SetItem:
    """``place``: has ``item_key``, too."""
    return SetItem(place.namespace, place.key, place.item_key, body.value, body.ttl)


def delete_item(place: Any, _body: object) -> DeleteItem:
    """Likewise."""
    return DeleteItem(place.namespace, place.key, place.item_key)


def prune_items(place: Any, body: PruneBody) -> PruneItems:
    """``place``: has ``namespace`` and ``key``."""
    return PruneItems(place.namespace, place.key, body.keep)


def enqueue(place: Any, body: EnqueueBody) -> Enqueue:
    """``place``: has ``queue``. InvalidValue unless there is one of ``payload`` and ``payloads``."""
    if (body.payload is None) is (body.payloads is None):
        raise InvalidValue("one of payload and payloads says what to add")
    payloads = body.payloads or (body.payload or "",)
    return Enqueue(place.queue, payloads, body.priority, body.delay or 0, body.max_attempts)


def complete(place: Any, body: CompleteBody, queue: str | None = None) -> Complete:
    """``place``: has ``id``, of the item. ``queue``: that it must be of."""
    return Complete(place.id, body.lease_token, queue)


def fail(place: Any, body: FailBody, queue: str | None = None) -> Fail:
    """Likewise."""
    return Fail(place.id, body.lease_token, body.error[:MAX_ERROR_LENGTH], body.retry_in, queue)


def extend(place: Any, body: ExtendBody, queue: str | None = None) -> Extend:
    """Likewise."""
    return Extend(place.id, body.lease_token, body.lease, queue)


class _Nothing(NamedTuple):
    pass


class _Part(NamedTuple):
    """How one operation of a transaction is read."""

    form: Form
    """What a path would say, and what a body would say."""
    make: Callable[[Any, Any], Gathered]
    """The operation of both."""


_PARTS: Final = {
    "set_state": _Part(Form((_Key, ValueBody)), set_state),
    "delete_state": _Part(Form((_Key, _Nothing)), delete_state),
    "set_item": _Part(Form((_Item, ItemBody)), set_item),
    "delete_item": _Part(Form((_Item, _Nothing)), delete_item),
    "prune_items": _Part(Form((_Key, PruneBody)), prune_items),
    "enqueue": _Part(Form((_Queue, EnqueueBody)), enqueue),
    "complete": _Part(Form((_Claim, CompleteBody)), complete),
    "fail": _Part(Form((_Claim, FailBody)), fail),
    "extend": _Part(Form((_Claim, ExtendBody)), extend),
}


class OperationsField:
    """The operations of a transaction."""

    @property
    def schema(self) -> JsonSchema:
        forms = [part.form.schema(op={"const": name}) for name, part in _PARTS.items()]
        return list_schema(one_of(*forms))

    def read(self, value: object, name: str) -> list[Gathered]:
        return [_operation(each, f"{name}[{at}]") for at, each in enumerate(listed(value, name))]


def _operation(value: object, where: str) -> Gathered:
    rest = dict(object_of(value, where))
    op = rest.pop("op", None)
    if op is None:
        raise InvalidValue(f"{where} has no op", hint=f"one of {', '.join(_PARTS)}")
    part = _PARTS.get(op) if isinstance(op, str) else None
    if part is None:
        hint = known_words(str(op), _PARTS, "operations")
        raise InvalidValue(f"{where}.op is no operation: {shown(op)}", hint=hint)
    place, body = part.form.read(rest, where)
    try:
        return part.make(place, body)
    except InvalidValue as error:
        raise InvalidValue(f"{where}: {error.message}", hint=error.hint) from error


class TransactionBody(NamedTuple):
    """Writes that are done together, or not at all."""

    operations: Annotated[list[Gathered], OperationsField()]
    """In their order; each names its ``op``."""


class CompleteAllBody(NamedTuple):
    """Several claims that are done."""

    items: Annotated[list[Any], FormsField(Form((_Claim, CompleteBody)))]
    """``{id, lease_token}`` each."""


class FailAllBody(NamedTuple):
    """Several claims that are not done."""

    items: Annotated[list[Any], FormsField(Form((_Claim, FailBody)))]
    """``{id, lease_token, error, retry_in}`` each."""


class ExtendAllBody(NamedTuple):
    """Several claims that are to last longer."""

    items: Annotated[list[Any], FormsField(Form((_Claim, ExtendBody)))]
    """``{id, lease_token, lease}`` each."""
