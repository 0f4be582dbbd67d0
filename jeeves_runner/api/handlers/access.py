"""The handlers by which people let their browser in, and out again, and see who has done what."""

from typing import TypeVar

from aiohttp import web

from jeeves_runner.api.guard import NO_TOKEN
from jeeves_runner.api.requests.access import AuditQuery, LoginBody
from jeeves_runner.api.responses import encode, encoded_response
from jeeves_runner.api.route import AnyCall, Call, Nothing
from jeeves_runner.core.instants import past_instant
from jeeves_runner.db import tokens
from jeeves_runner.db.tokens import Holder, Session
from jeeves_runner.errors import InvalidValue
from jeeves_runner.views.access import SessionDocument
from jeeves_runner.views.audit import audit_view

T = TypeVar("T", bound=web.Response)


async def login(call: Call[Nothing, Nothing, LoginBody]) -> web.Response:
    """Give a browser a cookie for a token that counts."""
    token = call.body.token
    if token is None:
        raise InvalidValue("the body needs a token", hint='send {"token": "jr_..."}')
    holder, session = await begin_session(call, token)
    document: SessionDocument = {
        "name": holder.name,
        "role": holder.role,
        "expires_at": session.expires_at,
    }
    answer = encoded_response(encode(document))
    call.asking.browser.let_in(answer, session)
    return answer


async def begin_session(call: AnyCall, token: str) -> tuple[Holder, Session]:
    """Who holds the token, and what the browser is to show from now on. Unauthorized for a token that does
    not count, TooManyAttempts, and InvalidValue for a browser that would not keep it."""
    services = call.services
    if (place := call.asking.browser.kept_at) is not None:
        reason = "people come to this server by https, and over http a browser keeps no login to it"
        raise InvalidValue(reason, hint=f"log in at {place}/login")
    holder = tokens.holder_of_token(services.conn, services.clock.now(), token.strip())
    if holder is None:
        await call.asking.browser.slow()
        raise NO_TOKEN
    by, before = call.asking.acting._replace(name=f"token {holder.name}"), call.asking.caller.session
    session = await services.writer.write(
        lambda tx: tokens.begin_session(tx, holder.token_id, by=by, instead_of=before)
    )
    return holder, session


async def logout(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    """End the session of a browser, if it has one."""
    return await end_session(call, web.Response(status=204))


async def end_session(call: AnyCall, answer: T) -> T:
    """The answer, by which the browser forgets what it has shown; the session is over."""
    session, by = call.asking.caller.session, call.asking.acting
    if session is not None:
        await call.services.writer.write(lambda tx: tokens.end_session(tx, session, by=by))
    call.asking.browser.let_out(answer)
    return answer


async def audit(call: Call[Nothing, AuditQuery, Nothing]) -> web.Response:
    query, zone = call.query, call.services.config.timezone
    return await call.answer(
        lambda conn, now: audit_view(
            conn,
            actor=query.actor,
            target=query.target,
            since=None if query.since is None else past_instant(query.since, now, zone, "since"),
            limit=query.limit,
            before=query.before,
        )
    )
