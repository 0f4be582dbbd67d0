"""What every page has around it: where one is, where one can go, how the runner is, and who looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from jeeves_runner.api.callers import CallerKind
from jeeves_runner.api.handlers.runner import status_document
from jeeves_runner.api.route import Call
from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.dashboard.theme import Theme, theme_of
from jeeves_runner.views.runner import StatusDocument


class Way(NamedTuple):
    """A page that one can go to from everywhere."""

    name: str
    """What it is called."""
    path: str
    """Where it is."""
    key: str
    """The key that, after ``g``, goes there."""


WAYS: Final[Sequence[Way]] = (
    Way("Overview", "/", "o"),
    Way("Jobs", "/jobs", "j"),
    Way("Runs", "/runs", "r"),
    Way("Timeline", "/timeline", "t"),
    Way("Coming", "/schedule", "c"),
    Way("Queues", "/queues", "q"),
    Way("State", "/state", "s"),
    Way("Graph", "/graph", "g"),
    Way("Sync", "/sync", "y"),
    Way("History", "/revisions", "h"),
    Way("Alerts", "/alerts", "a"),
    Way("Audit", "/audit", "u"),
)
"""In the order in which they are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shell:
    """What the frame of a page is made of."""

    here: str
    """The path of the way that this page belongs to."""
    ways: Sequence[Way]
    """Where one can go."""
    status: StatusDocument
    """How the runner is."""
    target: str
    """The path of the page itself, with its query."""
    may_act: bool
    """Whether the viewer may operate."""
    who: str | None
    """By which token the viewer is let in; None: by none."""
    theme: Theme
    """Which colours the viewer has chosen."""

    @property
    def wrong(self) -> int:
        """How many things are wrong: what the title and the icon show."""
        return self.status["health"]["incidents_open"]


class Viewer(NamedTuple):
    """Who looks, as far as it makes another page."""

    may_act: bool
    """Whether they may operate."""
    who: str | None
    """By which token they are let in; None: by none."""
    theme: Theme
    """Which colours they have chosen."""


def viewer_of(call: Call[Any, Any, Any]) -> Viewer:
    """The one who asks."""
    caller = call.asking.caller
    holder = caller.holder if caller.kind is CallerKind.BROWSER else None
    return Viewer(
        may_act=caller.role is TokenRole.OPERATE,
        who=holder.name if holder else None,
        theme=theme_of(call.asking.cookies),
    )


async def shell_of(call: Call[Any, Any, Any], here: str) -> Shell:
    """The frame for one who looks."""
    viewer = viewer_of(call)
    return Shell(
        here=here,
        ways=WAYS,
        status=await status_document(call),
        target=call.asking.target,
        may_act=viewer.may_act,
        who=viewer.who,
        theme=viewer.theme,
    )
