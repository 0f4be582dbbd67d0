"""The ends of runs, told to the callers that wait for them once any process has committed them."""

from collections.abc import Callable

import apsw

from jeeves_runner.core.run import Run
from jeeves_runner.db.runs import ended_since, newest_end
from jeeves_runner.execute.shared_result import SharedResult


class Ends:
    """Follows the ends of runs by their numbers, which rise in the order of the commits.

    ``look`` costs one read of an index, and is called after everything that may have committed ends of runs
    that this runner does not carry.
    While ``is_carried`` says that a task of this runner still works on the run, its end is not told. So
    those who are told of an end find the slot free.
    """

    def __init__(self, conn: apsw.Connection, is_carried: Callable[[int], bool]) -> None:
        self._conn = conn
        self._is_carried = is_carried
        self._seen = newest_end(conn)
        self._untold: dict[int, None] = {}
        self._awaited: dict[int, SharedResult[Run | None]] = {}

    def look(self, freed: int | None = None) -> list[int]:
        """The runs whose end is told now, in the order of their ends.

        ``freed`` is a run that this runner has just ceased to carry: then no other one that it carried is
        asked about. Many runs may end with one commit, and each calls this.
        """
        told: list[int] = []
        asked = list(self._untold) if freed is None else [freed] if freed in self._untold else []
        for run_id in asked:
            self._tell_or_keep(run_id, told)
        for row in ended_since(self._conn, self._seen):
            self._seen = row.end_seq
            self._tell_or_keep(row.run_id, told)
        return told

    def _tell_or_keep(self, run_id: int, told: list[int]) -> None:
        if self._is_carried(run_id):
            self._untold[run_id] = None
            return
        told.append(run_id)
        self._tell(run_id, None)

    def tell(self, run: Run) -> None:
        """Tell the end of a run that this runner has just recorded and ceased to carry, without a look.

        The next look finds its row again; nothing waits for it then.
        """
        self._tell(run.id, run)

    def _tell(self, run_id: int, run: Run | None) -> None:
        self._untold.pop(run_id, None)
        awaited = self._awaited.pop(run_id, None)
        if awaited is not None:
            awaited.set(run)

    async def wait(self, run_id: int) -> Run | None:
        """Wait until the end of a run is told, which must not have been told before; its row, if the teller
        has it at hand."""
        return await self._awaited.setdefault(run_id, SharedResult()).wait()
