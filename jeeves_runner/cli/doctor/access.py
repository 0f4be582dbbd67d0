"""Who is let in over HTTP: where the server listens, and the tokens that count."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Final

from jeeves_runner.cli.formats import ago, counted
from jeeves_runner.clock import Clock, to_text
from jeeves_runner.config import Config
from jeeves_runner.config_api import is_loopback_host
from jeeves_runner.core.diagnosis import Diagnosis
from jeeves_runner.db import tokens
from jeeves_runner.db.connection import connect

_SOON: Final = timedelta(days=14)
_NEW: Final = "make another with `jeeves-runner token create`, then revoke this one"


def examine_access(config: Config, clock: Clock) -> Iterator[Diagnosis]:
    """Whether those who are to reach the server do, and for how long. DatabaseError."""
    rows: list[tokens.TokenRow] = []
    now = clock.now()
    if config.db_path.exists():
        with closing(connect(config.db_path)) as conn:
            rows = tokens.tokens(conn, now)
    is_local = is_loopback_host(config.host)
    if not is_local and not rows:
        message = f"host {config.host} takes a token, and there is none: the server does not start"
        yield Diagnosis("access", "error", message, "make one with `jeeves-runner token create NAME`")
    elif not is_local:
        message = f"host {config.host}: tokens cross the network as they are"
        yield Diagnosis("access", "warning", message, "listen on 127.0.0.1, behind a proxy with TLS")
    for row in rows:
        if row.expired:
            yield Diagnosis("access", "warning", f"the token {row.name} has expired", _NEW)
        elif row.expires_at is not None and row.expires_at < to_text(now + _SOON):
            message = f"the token {row.name} expires {ago(row.expires_at, now)}"
            yield Diagnosis("access", "warning", message, _NEW)
    if is_local:
        count = sum(not row.expired for row in rows)
        others = f", and {counted(count, 'token')}" if count else " alone"
        yield Diagnosis("access", "ok", f"{config.host} lets in this machine{others}")
