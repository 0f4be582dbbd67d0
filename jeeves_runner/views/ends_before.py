"""What had ended when a play begins, as far as the jobs of the play ask for it: ends that no run has consumed
yet, and when jobs that others need have ended ok."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import apsw

from jeeves_runner.core.after import Arrived
from jeeves_runner.core.model import JobSpec
from jeeves_runner.db.after import arrived, awaited
from jeeves_runner.db.needs import last_ok


class Ends(NamedTuple):
    """All of it, by the ids that the jobs have in the play."""

    arrived: Mapping[str, Mapping[str, Arrived]]
    """By job and by one that it comes after, what no run has consumed; its run ids are 0."""
    last_ok: Mapping[str, datetime]
    """When jobs that others need have ended ok last."""


NO_ENDS: Final = Ends({}, {})


def ends_before(
    conn: apsw.Connection,
    specs: Sequence[JobSpec],
    live_ids: Mapping[str, str],
    begin: datetime,
    *,
    is_now: bool,
) -> Ends:
    """What had ended at ``begin``. What is still to be consumed counts in a play alone that begins now.

    ``live_ids``: by id in the play, the id that a job has in the database, where that is another one.
    """
    needed = {need.job for spec in specs for need in spec.needs}
    found = {job_id: last_ok(conn, live_ids.get(job_id, job_id), before=begin) for job_id in sorted(needed)}
    followers = [spec for spec in specs if spec.after is not None] if is_now else ()
    return Ends(
        arrived={spec.id: _arrived(conn, spec, live_ids) for spec in followers},
        last_ok={job_id: when for job_id, when in found.items() if when is not None},
    )


def _arrived(conn: apsw.Connection, spec: JobSpec, live_ids: Mapping[str, str]) -> dict[str, Arrived]:
    """An edge that says something else of how its upstream must end begins anew, as an apply has it."""
    live_id = live_ids.get(spec.id, spec.id)
    of_play = {live_ids.get(each, each): each for each in _upstreams(spec)}
    when = "ok" if spec.after is None else spec.after.when
    known = arrived(conn, live_id)
    return {
        of_play[each.upstream]: known[each.upstream].of_before()
        for each in awaited(conn, live_id)
        if each.upstream in of_play and each.qualifies == when
    }


def _upstreams(spec: JobSpec) -> Iterable[str]:
    return () if spec.after is None else spec.after.jobs
