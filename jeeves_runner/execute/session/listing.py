"""Finds single sessions, with gateways that show all of them and with those that show a parent its own."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from jeeves_runner.execute.session.answers import Row, page_of, runs_of
from jeeves_runner.execute.session.gateway import Gateway, Refused

LIMIT: Final = 200
"""Rows of one page at most; newer gateways cut pages at 64 KiB as well."""

RECENT: Final = 1440
"""Minutes since its end for which a run is listed."""


async def rows_of(
    gateway: Gateway, parent: str, search: Mapping[str, Any], fits: Callable[[Row], bool]
) -> list[Row]:
    """Those of a parent's sessions that fit. ``search``: arguments that older gateways may pass over.

    An older gateway leaves out what is not among its newest sessions, and those of other agents. It keeps a
    second list, of a parent's runs, for a day after their ends.
    """
    page = page_of(await gateway.invoke("sessions_list", {**search, "limit": LIMIT}, parent=parent))
    found = [row for row in page.rows if fits(row)]
    if found or page.is_all:
        return found
    try:
        runs = await gateway.invoke("subagents", {"action": "list", "recentMinutes": RECENT}, parent=parent)
    except Refused:  # then the one list has to do
        return []
    return [row for row in runs_of(runs) if fits(row)]
