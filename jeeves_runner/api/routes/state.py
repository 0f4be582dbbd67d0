"""The routes of what scripts keep from one run to the next."""

from typing import Final

from jeeves_runner.api.callers import RunMay
from jeeves_runner.api.handlers import state
from jeeves_runner.api.route import Route, look
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
)
