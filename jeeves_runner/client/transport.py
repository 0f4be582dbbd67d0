"""Which way a client's operations go: into the database itself, or to a server over HTTP."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from jeeves_runner.clock import Clock
from jeeves_runner.core.operations import Gathered, Read, Write
from jeeves_runner.errors import UsageError


class Transport(Protocol):
    """Carries operations out, for one thread of one process. All ways have the same results and errors."""

    def read(self, op: Read) -> Any:
        """As ``db.operations.look``."""

    def write(self, op: Write) -> Any:
        """As ``db.operations.perform``, in a transaction of its own."""

    def write_all(self, ops: Sequence[Gathered]) -> list[Any]:
        """As ``db.operations.perform_all``, in one transaction."""

    def close(self) -> None:
        """Free what it holds."""


def transport(
    db_path: str | os.PathLike[str] | None,
    url: str | None,
    token: str | None,
    clock: Clock,
    env: Mapping[str, str],
) -> Transport:
    """The way that is named; else that of the runner that started this program. UsageError if there is
    neither."""
    if url is not None and db_path is not None:
        raise UsageError("db_path and url are two ways", hint="name one of them")
    if url is None and token is not None:
        raise UsageError("token goes with url", hint="name the server's address, too")
    path = db_path or (None if url is not None else env.get("JR_DB_PATH"))
    if path:
        from jeeves_runner.client.database import Database

        return Database(Path(path), clock, env)
    if url is None:
        url, token = env.get("JR_API_URL"), env.get("JR_TOKEN")
    if not url:
        raise UsageError(
            "neither a database nor a server: JR_DB_PATH and JR_API_URL are not set, so this script was not"
            " started by the runner",
            hint="run it as a job (`jeeves-runner trigger JOB`), or pass Client(db_path=...)",
        )
    from jeeves_runner.client.http import Http  # of those that need it

    return Http(url, token, clock, is_run="JR_RUN_ID" in env)
