"""The start tokens of runs that are carried out elsewhere: each claims its run, once.

What an engine starts twice, or after its end was asked for, then does no harm: it may not begin.
"""

from typing import NamedTuple

import apsw

from jeeves_runner.core.api_tokens import RunToken, digest
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import audit
from jeeves_runner.db.carried_runs import JOB_OF_RUN
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import Conflict


class Claimant(NamedTuple):
    """What has shown a start token."""

    run_id: int
    """The run that it is of."""
    job_id: str
    """Its job."""
    digest: str
    """That of the token's random part."""


def issue(tx: Tx, run_id: int, secret: str) -> None:
    """Let this claim a run, and what was issued before claim it no more. Conflict unless it runs."""
    found = tx.conn.execute(
        "UPDATE runs SET start_digest = ?, claimed = 0 WHERE id = ? AND status = ? RETURNING id",
        (digest(secret), run_id, RunStatus.RUNNING),
    )
    if found.get is None:
        raise Conflict(f"run {run_id} has ended, and nothing of it may start")


def claimant(conn: apsw.Connection, token: RunToken) -> Claimant | None:
    """Who shows this token, also once it is used or its run has ended; None for what is no start token."""
    row = conn.execute(
        f"SELECT id, {JOB_OF_RUN}, start_digest FROM runs WHERE id = ? AND start_digest = ?",
        (token.run_id, digest(token.secret)),
    ).fetchone()
    return None if row is None else Claimant(*row)


def claim(tx: Tx, by: Claimant, *, token_digest: str, actor: Actor) -> None:
    """Use up a start token: from now on the run's own token is the one of this digest. Conflict if it may not
    begin: another has claimed it, another token was issued, its end was asked for, or it has ended."""
    found = tx.conn.execute(
        "UPDATE runs SET claimed = 1, token_digest = :token"
        " WHERE id = :run AND status = :running AND start_digest = :start AND claimed = 0"
        " AND cancel_cause IS NULL RETURNING id",
        {"token": token_digest, "run": by.run_id, "running": RunStatus.RUNNING, "start": by.digest},
    )
    if found.get is None:
        raise not_to_begin(f"run {by.run_id} is not to be begun: it was claimed, is to end, or has ended")
    audit.record(tx, actor=actor, action="claim", target=f"run {by.run_id}")


def not_to_begin(why: str) -> Conflict:
    """The error for what comes to claim a run and may not."""
    return Conflict(why, hint="end without doing anything")
