"""Which jobs run when a runner starts, and which of these runs are there already.

A job is known here by its namespace, which it keeps when it gets another id.
"""

from typing import Final

import apsw

from jeeves_runner.core.model import Trigger
from jeeves_runner.db.run_states import WAITING

_WANTED: Final = "deleted_at IS NULL AND enabled AND spec ->> '$.on_start'"
_ALL: Final = f"""
SELECT namespace FROM jobs WHERE {_WANTED}
  AND id NOT IN (SELECT job_id FROM runs WHERE {WAITING} AND trigger = :start)
ORDER BY namespace
"""


def namespaces_to_start(conn: apsw.Connection) -> list[str]:
    """The live and enabled jobs that run when a runner starts, but for those of which such a run waits."""
    return [name for (name,) in conn.execute(_ALL, {"start": Trigger.START})]


def id_to_start(conn: apsw.Connection, namespace: str) -> str | None:
    """The id that one of these jobs has now; None: it is no such job any more."""
    found: str | None = conn.execute(_NOW, {"name": namespace}).get
    return found


_NOW: Final = f"""
SELECT id FROM jobs
WHERE id = coalesce((SELECT job_id FROM namespaces WHERE namespace = :name), :name) AND {_WANTED}
"""


def newest_id(conn: apsw.Connection) -> int:
    """The number of the newest row of a run; 0 if there is none."""
    return int(conn.execute("SELECT max(id) FROM runs").get or 0)


def has_start_run(conn: apsw.Connection, job_id: str, after: int) -> bool:
    """Whether a run of this kind has been entered for a job, later than the row of that number."""
    found = conn.execute(_ENTERED, {"job": job_id, "after": after, "start": Trigger.START})
    return found.fetchone() is not None


_ENTERED: Final = "SELECT 1 FROM runs WHERE job_id = :job AND id > :after AND trigger = :start LIMIT 1"
