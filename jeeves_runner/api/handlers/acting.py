"""What the handlers of routes that act have in common: a commit that the runner hears of, and an end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar

from jeeves_runner.api.requests.overrides import OverrideBody
from jeeves_runner.api.services import ApiServices
from jeeves_runner.core.durations import End
from jeeves_runner.core.instants import later_end
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import InvalidValue

T = TypeVar("T")

_MILLISECOND: Final = timedelta(milliseconds=1)


async def write(services: ApiServices, act: Callable[[Tx], T]) -> T:
    """Commit what people set, and let the runner take it up as if a command had written it."""
    written = await services.writer.write(act)
    await services.nudge()
    return written


def end_of(services: ApiServices, body: OverrideBody) -> End | None:
    """The end that the body gives; None if it gives none. InvalidValue for two."""
    if body.until is not None and body.for_ is not None:
        raise InvalidValue("until and for are two ends; give one of them")
    now = services.clock.now()
    if body.until is not None:
        return later_end(body.until, now, services.config.timezone, "until")
    return None if body.for_ is None else End(now + body.for_, body.for_ // _MILLISECOND)
