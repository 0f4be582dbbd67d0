"""Pages for browsers beside the documents: which paths have one, and which of the two a client gets."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from jeeves_runner.api.manner import Manner
from jeeves_runner.api.parameters import weights
from jeeves_runner.api.route import Route

PAGE: Final = "text/html"

_DOCUMENT: Final = ("application/json", "application/*", "*/*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pages:
    """What is shown to people."""

    routes: Collection[Route]
    """The pages. Where the path is that of a document, a client gets what it would rather have."""
    manner: Manner
    """How requests for them are taken, and how people are told what is wrong."""

    def at(self, route: Route) -> Route | None:
        """The page of a route for other programs, of the same path and method; None if it has none."""
        wanted = (route.method, route.path)
        return next((page for page in self.routes if (page.method, page.path) == wanted), None)

    def alone(self, documents: Collection[Route]) -> Iterator[Route]:
        """Those whose path and method no document has."""
        known = {(route.method, route.path) for route in documents}
        return (page for page in self.routes if (page.method, page.path) not in known)


def prefers_page(accept: str) -> bool:
    """Whether a header ``Accept`` (RFC 9110, section 12.5.1) would rather have a page than JSON: browsers do,
    and what says nothing of pages does not."""
    if PAGE not in accept:
        return False
    found = weights(accept)
    document = next((found[kind] for kind in _DOCUMENT if kind in found), 0.0)
    return found.get(PAGE, 0.0) > document
