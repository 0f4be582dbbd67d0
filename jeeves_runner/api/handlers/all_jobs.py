"""The handlers of what people set of all jobs at once."""

from aiohttp import web

from jeeves_runner.api.handlers.acting import end_of, write
from jeeves_runner.api.requests.overrides import OverrideBody
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.db import overrides
from jeeves_runner.views.jobs import all_muted_view, all_paused_view

PlainCall = Call[Nothing, Nothing, Nothing]
OverrideCall = Call[Nothing, Nothing, OverrideBody]


async def pause_all(call: OverrideCall) -> web.Response:
    until, reason, by = end_of(call.services, call.body), call.body.reason, call.asking.acting
    await write(call.services, lambda tx: overrides.pause(tx, None, until=until, reason=reason, by=by))
    return await call.answer(all_paused_view)


async def resume_all(call: PlainCall) -> web.Response:
    await write(call.services, lambda tx: overrides.resume(tx, None, by=call.asking.acting))
    return await call.answer(all_paused_view)


async def mute_all(call: OverrideCall) -> web.Response:
    until = overrides.required_end(end_of(call.services, call.body))
    reason, by = call.body.reason, call.asking.acting
    await write(call.services, lambda tx: overrides.mute(tx, None, until=until, reason=reason, by=by))
    return await call.answer(all_muted_view)


async def unmute_all(call: PlainCall) -> web.Response:
    await write(call.services, lambda tx: overrides.unmute(tx, None, by=call.asking.acting))
    return await call.answer(all_muted_view)
