"""The gateway of the agents: whether it can carry out jobs of type session."""

import asyncio
from collections.abc import Iterator

from jeeves_runner.cli.log_lines import log_as_lines
from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
from jeeves_runner.core.diagnosis import Diagnosis
from jeeves_runner.errors import ConfigError
from jeeves_runner.executors import make_gateway


def examine_gateway(
    config: Config, fault: ConfigError | None, clock: Clock, *, with_trial: bool
) -> Iterator[Diagnosis]:
    """What it says of itself. ``with_trial``: also what becomes of a session, if nothing
    speaks against one. ``fault``: what is wrong with the config, which may be its gateway."""
    if config.gateway.url is None and fault is not None:
        yield Diagnosis("gateway", "warning", "none can be looked at", "fix the config first")
        return
    if config.gateway.url is None:
        yield Diagnosis("gateway", "ok", "none is configured, so jobs of type session are refused")
        return
    with log_as_lines():
        found = asyncio.run(_examine(config, clock, with_trial=with_trial))
    yield from found


async def _examine(config: Config, clock: Clock, *, with_trial: bool) -> list[Diagnosis]:
    # Aiohttp takes long to load, and most projects have no gateway.
    from jeeves_runner.execute.session.examination import examine, try_session

    gateway = make_gateway(config)
    if gateway is None:
        return []
    try:
        found = [each async for each in examine(gateway)]
        if with_trial and all(each.level != "error" for each in found):
            found.append(await try_session(gateway, clock))
    finally:
        await gateway.close()
    return found
