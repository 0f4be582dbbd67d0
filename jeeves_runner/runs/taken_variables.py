"""Which variables of the runner's environment live jobs take as secrets: runs do not inherit them."""

import apsw

from jeeves_runner.db import revisions
from jeeves_runner.db.jobs import variables_taken_since


class TakenVariables:
    """Follows the live jobs, held and disabled ones too, by the revisions that any process writes.

    To see that there is no new one takes microseconds. Use it in the event loop.
    """

    def __init__(self, conn: apsw.Connection) -> None:
        self._conn = conn
        self._revision = -1  # before the first
        self._by_job: dict[str, frozenset[str]] = {}
        self._names: frozenset[str] = frozenset()

    def names(self) -> frozenset[str]:
        """Those of the newest revision."""
        newest = revisions.head(self._conn)
        if newest != self._revision:
            self._by_job.update(variables_taken_since(self._conn, self._revision))
            self._by_job = {job: names for job, names in self._by_job.items() if names}
            self._names = frozenset().union(*self._by_job.values())
            self._revision = newest
        return self._names
