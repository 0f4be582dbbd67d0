"""Where jobs keep their state, if not under their own id: a job that is renamed keeps its namespace."""

import json
from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

import apsw

from jeeves_runner.core.inheritance import Consequence
from jeeves_runner.core.namespaces import free
from jeeves_runner.db.transaction import Tx


class Clash(NamedTuple):
    """A new job whose id is the namespace of another one."""

    job_id: str
    """The new job."""
    namespace: str
    """The one that it gets."""
    used_by: str
    """The job that was first made with that id, whatever it is called now."""

    def as_consequence(self) -> Consequence:
        message = (
            f"job {self.job_id} keeps its state as {self.namespace}: {self.job_id} is the namespace of"
            f" job {self.used_by}, which was made with that id"
        )
        return Consequence("other_namespace", self.namespace, message)


_USED: Final = "SELECT job_id FROM namespaces WHERE namespace = ? AND job_id <> ?"
_USED_OF: Final = """
SELECT new.value, job_id FROM json_each(?) AS new CROSS JOIN namespaces ON namespace = new.value
WHERE job_id <> new.value ORDER BY new.key
"""


def clashes(conn: apsw.Connection, new_jobs: Sequence[str]) -> list[Clash]:
    """Of jobs to be made, those whose id is another's namespace."""
    names = json.dumps(list(new_jobs))
    used = [(str(job_id), str(by)) for job_id, by in conn.execute(_USED_OF, (names,))]
    return [Clash(job_id, free(job_id, partial(_is_used, conn, job_id)), by) for job_id, by in used]


def kept(conn: apsw.Connection) -> dict[str, str]:
    """All namespaces that are not their job's id, by id; of deleted jobs too."""
    return dict(conn.execute("SELECT job_id, namespace FROM namespaces"))


def of_new(conn: apsw.Connection, new_jobs: Sequence[str]) -> dict[str, str]:
    """Of jobs that are not live, the namespaces that they would have, where these are not their ids."""
    names = json.dumps(list(new_jobs))
    known = conn.execute(
        "SELECT job_id, namespace FROM namespaces WHERE job_id IN (SELECT value FROM json_each(?))", (names,)
    )
    found = {clash.job_id: clash.namespace for clash in clashes(conn, new_jobs)}
    found.update((str(job_id), str(namespace)) for job_id, namespace in known)
    return found


def _is_used(conn: apsw.Connection, job_id: str, name: str) -> bool:
    return conn.execute(_USED, (name, job_id)).fetchone() is not None


def settle(tx: Tx, new_jobs: Sequence[str]) -> None:
    """Note which of these jobs, about to be made, get another namespace than their id."""
    for clash in clashes(tx.conn, new_jobs):
        tx.conn.execute(
            "INSERT INTO namespaces VALUES (?, ?) ON CONFLICT (job_id) DO NOTHING",
            (clash.job_id, clash.namespace),
        )


def carry(tx: Tx, old: str, new: str) -> None:
    """Let a job that gets another id keep its namespace."""
    kept: str | None = tx.conn.execute("SELECT namespace FROM namespaces WHERE job_id = ?", (old,)).get
    tx.conn.execute("DELETE FROM namespaces WHERE job_id IN (?, ?)", (old, new))
    if (kept or old) != new:
        tx.conn.execute("INSERT INTO namespaces VALUES (?, ?)", (new, kept or old))
