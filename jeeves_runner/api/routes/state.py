"""The routes of what scripts keep from one run to the next."""

from typing import Final

from jeeves_runner.api.handlers import state
from jeeves_runner.api.route import Route, look
from jeeves_runner.views.state import NamespacesDocument, StateKeyDocument

STATE: Final[tuple[Route, ...]] = (
    look("/state", "The namespaces in which scripts keep state", state.namespaces, {200: NamespacesDocument}),
    look(
        "/state/{namespace}",
        "The values of a namespace, by key",
        state.namespace,
        {200: dict[str, object]},
        problems={404},
    ),
    look(
        "/state/{namespace}/{key}",
        "The value and the items of a key",
        state.state_key,
        {200: StateKeyDocument},
        problems={404},
    ),
)
