"""One look at the gateway when the runner starts: what speaks against sessions is said in the log."""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jeeves_runner.execute.session.gateway import Gateway

log = logging.getLogger(__name__)


async def look_at_gateway(gateway: "Gateway") -> None:
    """Whatever it finds, the runner goes on: a run of a session waits for the gateway until its timeout."""
    from jeeves_runner.execute.session.examination import examine  # most runners have no gateway

    try:
        async for found in examine(gateway):
            if found.level != "ok":
                log.warning("the gateway: %s", found)
    finally:
        await gateway.close()
