"""The routes of what scripts keep from one run to the next."""

from typing import Final

from jeeves_runner.api.callers import RunMay
from jeeves_runner.api.handlers import state
from jeeves_runner.api.route import Audit, Route, act, look
from jeeves_runner.views.operations import (
    DeletedDocument,
    ItemKeysDocument,
    PrunedDocument,
    StoredDocument,
    ValueDocument,
)
from jeeves_runner.views.selected import SelectedDocument
from jeeves_runner.views.state import NamespacesDocument, StateKeyDocument

STATE: Final[tuple[Route, ...]] = (
    look(
        "/state",
        "The namespaces in which scripts keep state",
        state.namespaces,
        {200: NamespacesDocument},
        run_may=RunMay.ANYTHING,
    ),
    look(
        "/state/{namespace}",
        "The values of a namespace, by key",
        state.namespace,
        {200: dict[str, object] | SelectedDocument},
        description=(
            "A JSON object of the values, in the order of the keys; with `path` what that selects of it. If "
            'more follow, a header `Link` with `rel="next"` names the next page.'
        ),
        problems={404},
        run_may=RunMay.ANYTHING,
    ),
    look(
        "/state/{namespace}/{key}",
        "The value and the items of a key",
        state.state_key,
        {200: StateKeyDocument},
        problems={404},
        run_may=RunMay.ANYTHING,
    ),
    act(
        "/state/{namespace}/{key}",
        "Store a value, perhaps only if the key holds what is expected",
        state.set_value,
        {200: StoredDocument},
        method="PUT",
        run_may=RunMay.ANYTHING,
        audit=Audit.NOWHERE,
    ),
    act(
        "/state/{namespace}/{key}",
        "Remove a key with its items",
        state.delete_value,
        {200: DeletedDocument},
        method="DELETE",
        run_may=RunMay.ANYTHING,
        audit=Audit.NOWHERE,
    ),
    look(
        "/state/{namespace}/{key}/value",
        "The value of a key alone",
        state.state_value,
        {200: ValueDocument},
        problems={404},
        run_may=RunMay.ANYTHING,
    ),
    look(
        "/state/{namespace}/{key}/items",
        "The names of the items of a key, by their last write",
        state.item_keys,
        {200: ItemKeysDocument},
        run_may=RunMay.ANYTHING,
    ),
    act(
        "/state/{namespace}/{key}/prune",
        "Remove all items of a key but the newest",
        state.prune_items,
        {200: PrunedDocument},
        run_may=RunMay.ANYTHING,
        audit=Audit.NOWHERE,
    ),
    look(
        "/state/{namespace}/{key}/items/{item}",
        "The value of an item",
        state.item_value,
        {200: ValueDocument},
        problems={404},
        run_may=RunMay.ANYTHING,
    ),
    act(
        "/state/{namespace}/{key}/items/{item}",
        "Store an item below a key",
        state.set_item,
        {200: StoredDocument},
        method="PUT",
        run_may=RunMay.ANYTHING,
        audit=Audit.NOWHERE,
    ),
    act(
        "/state/{namespace}/{key}/items/{item}",
        "Remove an item",
        state.delete_item,
        {200: DeletedDocument},
        method="DELETE",
        run_may=RunMay.ANYTHING,
        audit=Audit.NOWHERE,
    ),
)
