"""Who may talk to the server, and who may operate it.

Three things let a caller in: a token, which may be that of a run; a browser's session, which a token has
opened; or, without either, to be a program of this machine and of the user who runs the server. For the last
two a foreign web page is kept out, whose requests a browser would carry along: a page under a name that
resolves to 127.0.0.1 gives itself away by its ``Host``, one that posts across sites by its ``Origin`` or
``Sec-Fetch-Site``. A page knows no token, so none of this is asked of a request that has one.

The Unix socket needs none of this. Its file lets in the owner alone, and no browser reaches it.
"""

import os
from collections.abc import Mapping
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

import apsw
from aiohttp import web

from jeeves_runner.api import peer_owner
from jeeves_runner.api.attempts import Attempts
from jeeves_runner.api.browser import Browser
from jeeves_runner.api.callers import Caller, CallerKind, Role, RunMay
from jeeves_runner.api.commits import Commits
from jeeves_runner.api.connection import log
from jeeves_runner.api.foreign_pages import ForeignPages
from jeeves_runner.api.known_tokens import KnownTokens
from jeeves_runner.api.peers import Peer, name_of, peer_of
from jeeves_runner.api.problems import CHALLENGE, CHALLENGED_BY
from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
from jeeves_runner.config_api import is_loopback_host
from jeeves_runner.core.api_tokens import RUN_PREFIX, RunToken, TokenRole, parse_run_token
from jeeves_runner.db import claims, tokens
from jeeves_runner.db.triggering import may_trigger
from jeeves_runner.errors import ConfigError, TooManyAttempts, Unauthorized

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_SCHEME: Final = "bearer"
"""In lower case: any case will do (RFC 9110)."""

_HOW: Final = "send `Authorization: Bearer TOKEN`; `jeeves-runner token create NAME` makes one"
_HOW_TO_OPERATE: Final = _HOW.replace("NAME", "NAME --role operate")
_WRONG: Final = MappingProxyType({CHALLENGED_BY: 'Bearer realm="jeeves-runner", error="invalid_token"'})
_TOO_LITTLE: Final = MappingProxyType(
    {CHALLENGED_BY: 'Bearer realm="jeeves-runner", error="insufficient_scope"'}
)
"""With a token that is right, and does not reach so far: RFC 6750, section 3.1."""


def check_host(conn: apsw.Connection, config: Config) -> None:
    """ConfigError where the server would listen beyond this machine and could let in nothing."""
    if not is_loopback_host(config.host) and not tokens.any_token(conn):
        raise ConfigError(
            f"host {config.host} is reached from beyond this machine, which takes a token, and there is none",
            hint="make one with `jeeves-runner token create NAME --role operate`, or set host: 127.0.0.1",
        )


NO_TOKEN: Final = Unauthorized(
    "the token is not valid",
    hint="it may have expired or been revoked; `jeeves-runner token list` shows those that count",
)
"""What is said of a token that counts for nothing."""


class TurnedAway(NamedTuple):
    """Why a request is not served, as the problem that it is answered with."""

    status: int
    """401 where credentials would help, 403 where these are not enough or none would, 429 where time does."""
    detail: str
    """What is wrong."""
    hint: str | None = None
    """What to do about it."""
    headers: Mapping[str, str] = MappingProxyType({})
    """More headers of the answer."""
    caller: Caller | None = None
    """Who is refused, where that is known."""
    origin: str = ""
    """Where the request comes from; empty: where its connection does."""
    is_gone: bool = False
    """Whether the client seems to have hung up."""

    @property
    def code(self) -> str:
        """The code of the problem."""
        return {401: "unauthorized", 429: "too_many_attempts"}.get(self.status, "forbidden")


class Access(Protocol):
    """What the guard asks of a route."""

    @property
    def role(self) -> Role: ...

    @property
    def run_may(self) -> RunMay: ...


class Guard:
    """Lets callers in. ``conn`` is that of the event loop, of which ``commits`` tells. ``held_back``: how
    many wrong tokens are answered late at the same time."""

    def __init__(
        self, conn: apsw.Connection, clock: Clock, config: Config, commits: Commits, *, held_back: int = 64
    ) -> None:
        self._conn = conn
        self._clock = clock
        self._commits = commits
        self._tokens = KnownTokens(conn, clock, commits)
        self._closed, self._closed_at = False, -1
        self._pages = ForeignPages(config.api.public_url)
        self._trusted = config.api.trusted_proxies
        self.attempts = Attempts(clock, held_back)

    async def let_in(self, request: web.Request, access: Access, came: int) -> Caller | TurnedAway:
        """Who sends a request for what ``access`` says; why not, if it is not to be served. It ``came`` after
        so many looks at the commits."""
        peer = peer_of(request, self._trusted)
        if peer is None:
            return TurnedAway(403, "the connection is closed", is_gone=True)
        found = await self._caller(request, peer, access, came)
        if isinstance(found, Caller):
            found = self._admitted(found, request, access)
        if isinstance(found, TurnedAway) and not found.origin:
            return found._replace(origin=peer.origin)
        return found

    def _admitted(self, caller: Caller, request: web.Request, access: Access) -> Caller | TurnedAway:
        if caller.run is not None:
            return caller if self._run_may(caller, request, access) else _not_for_runs(caller, access)
        return caller if access.role.admits(caller.role) else self._beyond_its_role(caller, access)

    def still_counts(self, caller: Caller) -> bool:
        """Whether what has let this caller in would do so now.

        An answer that goes on for long asks this at least once a minute, and ends when it does not. It
        costs one look at one row.
        """
        if caller.run is not None:
            return tokens.still_runs(self._conn, caller.run.run_id)
        now = self._clock.now()
        if caller.session is not None:
            return tokens.holder_of_session(self._conn, now, caller.session) is not None
        return caller.holder is None or tokens.still_holds(self._conn, now, caller.holder.token_id)

    def browser_of(self, request: web.Request, caller: Caller) -> Browser:
        """The browser that sent it, if one did."""
        is_https = caller.is_https or self._pages.come_by_https
        slow = partial(self.attempts.slow, caller.origin)
        return Browser(cookie_name(request), is_https, self._pages.kept_at(request), slow)

    async def _caller(
        self, request: web.Request, peer: Peer, access: Access, came: int
    ) -> Caller | TurnedAway:
        if "Authorization" in request.headers:
            return await self._by_token(request.headers.getall("Authorization"), peer, came)
        if peer.is_socket:
            return _here(CallerKind.SOCKET, peer.origin, TokenRole.OPERATE)
        if access.role is Role.OPEN and request.method in _SAFE_METHODS:
            return _here(CallerKind.MACHINE, peer.origin, None, is_https=peer.is_https)
        if (fault := self._pages.fault_of(request, peer)) is not None:
            return TurnedAway(403, fault.detail, fault.hint)
        if "Cookie" in request.headers:
            session = request.cookies.get(cookie_name(request))
            if session is not None and (caller := self._by_session(session, peer)) is not None:
                return caller
        return self._by_machine(request, peer, access, came)

    async def _by_token(self, shown: list[str], peer: Peer, came: int) -> Caller | TurnedAway:
        scheme, _, token = shown[0].partition(" ")
        token = token.strip()
        if len(shown) > 1 or not token or scheme.lower() != _SCHEME:
            return TurnedAway(401, "the Authorization header holds no bearer token", _HOW, CHALLENGE)
        found = self._holder(token, peer, came)
        if found is not None:
            return found
        try:
            await self.attempts.slow(peer.origin)
        except TooManyAttempts as error:
            return TurnedAway(429, error.message, error.hint, {"Retry-After": str(error.seconds)})
        if token.startswith(RUN_PREFIX):
            return TurnedAway(401, "the token is that of a run which has ended, or of none", None, _WRONG)
        return TurnedAway(401, NO_TOKEN.message, NO_TOKEN.hint, _WRONG)

    def _holder(self, token: str, peer: Peer, came: int) -> Caller | None:
        if token.startswith(RUN_PREFIX):
            parts = parse_run_token(token)
            return None if parts is None else self._run_by_token(parts, peer)
        holder = self._tokens.holder_of(token, came)
        if holder is None:
            return None
        return Caller(kind=CallerKind.TOKEN, origin=peer.origin, role=holder.role, holder=holder)

    def _run_by_token(self, token: RunToken, peer: Peer) -> Caller | None:
        run = tokens.run_of_token(self._conn, token)
        if run is not None:
            return Caller(kind=CallerKind.RUN, origin=peer.origin, run=run)
        claimant = claims.claimant(self._conn, token)
        if claimant is None:
            return None
        run = tokens.TokenRun(claimant.run_id, claimant.job_id)
        return Caller(kind=CallerKind.START, origin=peer.origin, run=run, claimant=claimant)

    def _by_session(self, session: str, peer: Peer) -> Caller | None:
        holder = tokens.holder_of_session(self._conn, self._clock.now(), session)
        if holder is None:
            return None
        kind = CallerKind.BROWSER
        return Caller(
            kind=kind,
            origin=peer.origin,
            role=holder.role,
            holder=holder,
            session=session,
            is_https=peer.is_https,
        )

    def _is_closed(self, came: int) -> bool:
        """Whether operating takes a token. It is asked again once any process has committed."""
        version = self._commits.version(came)
        if version != self._closed_at:
            self._closed = tokens.any_token(self._conn, TokenRole.OPERATE)
            self._closed_at = version
        return self._closed

    def _by_machine(self, request: web.Request, peer: Peer, access: Access, came: int) -> Caller | TurnedAway:
        user = _user_of(request) if peer.is_loopback else _FOREIGN
        if user in (None, 0, os.getuid()):
            role = TokenRole.READ if self._is_closed(came) else TokenRole.OPERATE
            return _here(CallerKind.MACHINE, _origin(peer, user), role)
        if access.role is Role.OPEN:
            return _here(CallerKind.MACHINE, _origin(peer, user), None, is_https=peer.is_https)
        how = _HOW_TO_OPERATE if access.role is Role.OPERATE else _HOW
        if user == _FOREIGN:
            return TurnedAway(401, _not_from_here(peer), how, CHALLENGE)
        if user == _GONE:
            log.debug(
                "%s %r: the client hung up, or it cannot be told whose it is", request.method, request.path
            )
            detail = "it cannot be told which user's program asks"
            return TurnedAway(401, detail, how, CHALLENGE, is_gone=True)
        detail = f"{_origin(peer, user)} is not the user who runs this server"
        return TurnedAway(401, detail, how, CHALLENGE, origin=_origin(peer, user))

    def _run_may(self, caller: Caller, request: web.Request, access: Access) -> bool:
        run, place = caller.run, request.match_info
        if run is None:
            return False
        is_own = place.get("run") == str(run.run_id)
        if caller.claimant is not None:
            return access.role is Role.OPEN or (access.run_may is RunMay.CLAIMS and is_own)
        match access.run_may:
            case RunMay.ANYTHING:
                return True
            case RunMay.OWN:
                return is_own
            case RunMay.TRIGGERS:
                return may_trigger(self._conn, run.job_id, place.get("job", ""))
        return access.role is Role.OPEN

    def _beyond_its_role(self, caller: Caller, access: Access) -> TurnedAway:
        if caller.kind is CallerKind.MACHINE:
            detail = "operating takes a token here: there is one of role operate"
            return TurnedAway(401, detail, _HOW_TO_OPERATE, CHALLENGE, caller)
        words = beyond_the_role(caller.name, caller.role, access.role)
        return TurnedAway(403, *words, _TOO_LITTLE, caller)


def beyond_the_role(name: str, has: TokenRole | None, takes: Role) -> tuple[str, str]:
    """What is said of a token that is not enough, and what to do about it."""
    hint = "make one with `jeeves-runner token create NAME --role operate`"
    return f"the {name} may {has}, and this takes the role {takes}", hint


def cookie_name(request: web.Request) -> str:
    """What a browser's cookie for this server is called: cookies know no ports, and servers may share a
    host."""
    transport = request.transport
    listening = None if transport is None else transport.get_extra_info("sockname")
    return f"jr-{listening[1]}" if isinstance(listening, tuple) else "jr"


@lru_cache(maxsize=256)
def _here(kind: CallerKind, origin: str, role: TokenRole | None, *, is_https: bool = False) -> Caller:
    """A caller of whom nothing else is known. They ask again and again."""
    return Caller(kind=kind, origin=origin, role=role, is_https=is_https)


def _not_for_runs(caller: Caller, access: Access) -> TurnedAway:
    detail = f"the token of {caller.name} does not reach this"
    if access.run_may is RunMay.NOTHING:
        hint = "it is for state, queues and the run itself; use a token of `jeeves-runner token create`"
    else:
        hint = f"here it is for {access.run_may}"
    return TurnedAway(403, detail, hint, _TOO_LITTLE, caller)


def _not_from_here(peer: Peer) -> str:
    if peer.is_believed:
        return f"requests from {peer.origin} through a proxy take a token"
    if peer.proxy_header is not None:
        header = peer.proxy_header
        return f"the header {header} says that the request comes through a proxy, which takes a token"
    return f"requests from {peer.origin} take a token"


def _origin(peer: Peer, user: int | None) -> str:
    """Where a request comes from, as the audit has it."""
    return peer.origin if user in (None, _GONE, _FOREIGN) else f"{peer.origin}, {name_of(user)}"


def _user_of(request: web.Request) -> int | None:
    """The number of the user whose program sent it over loopback; None where the system does not tell.

    Where it could tell and does not, the program has hung up, and no user is known.
    """
    connection = request.protocol
    known: int | None = getattr(connection, "peer_user", None)
    if known is not None or not peer_owner.can_be_known():
        return known
    transport = request.transport
    if transport is None:
        return _GONE
    peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    found = peer_owner.owner(peer[:2], own[:2])
    if found is None or not peer_owner.is_open(transport.get_extra_info("socket")):
        found = _GONE
    if hasattr(connection, "peer_user"):
        connection.peer_user = found
    return found


_GONE: Final = -1
"""The number of no user: of what has hung up, or cannot be told apart."""

_FOREIGN: Final = -2
"""That of what is not of this machine."""
