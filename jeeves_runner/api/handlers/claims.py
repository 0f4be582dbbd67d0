"""The handler by which a run that is carried out elsewhere begins."""

import os
from functools import partial

from aiohttp import web

from jeeves_runner.api.requests.runs import RunPath
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.errors import Conflict, InvalidValue, Unauthorized
from jeeves_runner.execute.claimed_work import claimed_work
from jeeves_runner.views.claims import claim_view


async def claim(call: Call[RunPath, Nothing, Nothing]) -> web.Response:
    """Its work is put together before the token is used up: what cannot be had now leaves it as it was."""
    services, claimant = call.services, call.asking.caller.claimant
    if claimant is None:
        raise Unauthorized("this takes the start token of the run")
    order = services.runs.claims.order(claimant.run_id)
    config = services.config
    url = config.api.public_url or order.run.api_url
    try:
        work = await call.look(partial(claimed_work, order, str(config.root), os.environ, url))
    except (InvalidValue, OSError) as error:
        raise Conflict(f"a secret of the run cannot be had: {error}") from error
    await services.runs.claims.claim(claimant, work.secrets, call.asking.acting)
    return await call.show(claim_view(order.spec, claimant.run_id, work.env))
