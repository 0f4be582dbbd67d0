"""The one way in for what people are told: it goes into the transaction of what it tells of.

``core.alerts.machine`` decides, rows of ``incidents`` hold its state, and rows of ``outbox`` what is to be
said.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.alert_spec import Alert
from jeeves_runner.core.alerts import machine
from jeeves_runner.core.alerts.machine import Rules
from jeeves_runner.core.alerts.policy import addresses_of, policy_of
from jeeves_runner.core.alerts.words import CHOSEN, Cause, ClosedBy, Said
from jeeves_runner.db import incidents, outbox
from jeeves_runner.db.incidents import OpenIncident
from jeeves_runner.db.jobs import DELETED, DISABLED
from jeeves_runner.db.outbox import Saying
from jeeves_runner.db.overrides import MUTES_OF_JOB, Mutes, Pauses, is_muted, mutes, pauses
from jeeves_runner.db.transaction import Tx

_PORTION: Final = 200
"""What one review looks at at most: outcomes and starts have their turn in between."""

_HELD: Final = timedelta(hours=1)
"""How long a review puts off at most what is held back. Who ends a mute or a pause has it looked at again; of
what else may let it go on, such as a job that is enabled, nothing tells."""


class Happened(NamedTuple):
    """Something went wrong, or happened."""

    cause: Cause
    """What."""
    job_id: str | None = None
    """To which job, whose ``alert`` says how to tell of it; None: to none, and it is told as by default."""
    subject: str = ""
    """To what of it, or without a job: a manifest's path, a queue's id."""
    run_id: int | None = None
    """In which run."""
    times: int = 1
    """How many occurrences it stands for; 0: it is noted already, and there was no channel then."""
    facts: Mapping[str, Any] = {}
    """JSON values that the message needs, and that no row will have later."""
    channels: tuple[str, ...] = ()
    """Where to tell, as addresses; empty: where the job says."""
    since: datetime | None = None
    """When what lasts began, where that is longer ago."""
    bundle: str | None = None
    """What it is said together with: rows of a channel with the same bundle are one message."""
    not_before: timedelta | None = None
    """How long a bundle waits for others."""


class _Settings(NamedTuple):
    """What a job's row says of alerts."""

    policy: Alert
    on_failure: tuple[str, ...]
    on_success: tuple[str, ...]
    is_enabled: bool
    may_be_muted: bool = True
    """Whether there is a mute, perhaps over by now, that holds for it."""


def report(tx: Tx, what: Happened) -> None:
    """Open an incident, count one more of it, or say an event.

    Nothing follows for a job that is deleted, or that does not choose this cause.
    """
    settings = None if what.job_id is None else _settings(tx.conn, what.job_id)
    if what.job_id is not None and settings is None:
        return
    rules = _rules(what, settings)
    if what.cause.is_event:
        if rules.channels and not _is_muted(tx, what, settings):
            outbox.put(tx, _saying(Said.EVENT, what), rules.channels)
    elif settings is None or what.cause not in CHOSEN or what.cause in rules.policy.on:
        _happened(tx, what, rules, settings)


def _is_muted(tx: Tx, what: Happened, settings: _Settings | None) -> bool:
    may_be = settings is None or settings.may_be_muted
    return may_be and is_muted(tx.conn, what.job_id, tx.now)


def _happened(tx: Tx, what: Happened, rules: Rules, settings: _Settings | None) -> None:
    """Something went wrong that lasts until it goes well."""
    found = incidents.find(tx.conn, what.job_id, what.cause, what.subject)
    is_told = found is not None and found.state.told_at is not None
    if not is_told and _is_muted(tx, what, settings):  # else nothing is said that a mute could hold back
        rules = rules._replace(is_muted=True)
    before = None if found is None else found.state
    after, said, channels = machine.happened(before, what.cause, rules, tx.now, what.times, what.since)
    if found is None:
        incident_id = incidents.insert(
            tx, what.cause, what.job_id, what.subject, what.run_id, what.facts, after
        )
    else:
        incident_id = found.id
        incidents.count(tx, found.id, after.times, what.run_id, what.facts)
        if after != found.state._replace(times=after.times):
            incidents.change(tx, found.id, after)
    if said is not None:
        saying = _saying(said, what)
        facts = {**saying.facts, **_of_incident(after)}
        outbox.put(tx, saying._replace(incident_id=incident_id, facts=facts), channels)


def went_well(
    tx: Tx,
    job_id: str | None,
    causes: Collection[Cause],
    subject: str = "",
    *,
    run_id: int | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Close what is open of these causes. Where people know of it, it is said once.

    ``run_id``: the run that shows it; ``facts``: what its message needs, as in ``Happened``.
    """
    found = incidents.of_causes(tx.conn, job_id, causes, subject)
    if not found:
        return
    settings = None if job_id is None else _settings(tx.conn, job_id)
    policy = Alert() if settings is None else settings.policy
    rules = Rules(policy, (), is_muted=is_muted(tx.conn, job_id, tx.now))
    for each in found:
        said = machine.ended(each.state, rules)
        incidents.close(tx, each.id, ClosedBy.RECOVERED)
        if said is not None:
            known = {**each.facts, **(facts or {})}
            _say(tx, each, said, run_id or each.run_id, each.state, known, each.state.channels)


def close(tx: Tx, job_ids: Iterable[str], by: ClosedBy) -> None:
    """Close all that is open of these jobs, and say nothing."""
    incidents.close_of_jobs(tx, job_ids, by)


def close_of_stopped_jobs(tx: Tx, job_ids: Iterable[str]) -> None:
    """The same of those of these jobs that are deleted or disabled."""
    ids = json.dumps(list(job_ids))
    for by, condition in _STOPPED.items():
        stopped = tx.conn.execute(
            f"SELECT id FROM jobs WHERE id IN (SELECT value FROM json_each(?)) AND {condition}", (ids,)
        )
        close(tx, [str(job_id) for (job_id,) in stopped.fetchall()], by)


_STOPPED: Final = {
    ClosedBy.DELETED: DELETED,
    ClosedBy.DISABLED: DISABLED,
}


def record_refused(tx: Tx, ids: Sequence[int], error: str, *, tried: bool = True) -> None:
    """Record that these messages will not be sent, and why; see ``outbox.give_up``. What was never told
    for that is told anew: soon where the reason seems gone, see ``tell_refused``."""
    outbox.give_up(tx, ids, error, tried=tried)
    for each in incidents.untaken(tx.conn, ids):
        incidents.change(tx, each.id, machine.refused(each.state, tx.now))


def tell_refused(tx: Tx, *, channel: str | None = None, job_ids: Iterable[str] | None = None) -> None:
    """Have the next review tell what no channel has taken so far, because something was corrected: in all,
    or on a channel that has just taken a message, or in the manifests of these jobs."""
    incidents.hasten_untold(tx, channel, None if job_ids is None else list(job_ids))


def review(tx: Tx, tell: tuple[str, ...] = ()) -> int:
    """Say what is to be said by now: reminders, and what a mute that has ended held back. Returns how many
    incidents it spoke of. ``tell``: where what has no job is told.

    What a mute or a pause holds back is put off: no look meets it again before that may be over. There may be
    more; ``next_review`` tells.
    """
    found = incidents.due(tx.conn, tx.now, _PORTION)
    if not found:
        return 0
    muted, paused = mutes(tx.conn, tx.now), pauses(tx.conn, tx.now)
    spoken = 0
    for each in found:
        settings = None if each.job_id is None else _settings(tx.conn, each.job_id)
        rules = _rules_of_open(each, settings, muted, paused, tell)
        step = machine.looked_at(each.state, rules, tx.now)
        if step.incident != each.state:
            incidents.change(tx, each.id, step.incident)
        elif step.said is None:
            held = (muted.end_of(each.job_id), each.job_id and paused.end_of(each.job_id))
            incidents.put_off(tx, each.id, min([tx.now + _HELD, *(end for end in held if end)]))
        if step.said is None:
            continue
        _say(tx, each, step.said, each.run_id, step.incident, each.facts, step.channels)
        spoken += 1
    return spoken


def next_review(conn: apsw.Connection, now: datetime) -> datetime | None:
    """When ``review`` has next something to look at; None: never. It may be past. One look into an index,
    however many incidents there are, and whatever is muted or paused."""
    return incidents.next_due(conn, now)


def test(tx: Tx, channel: str) -> int:
    """Have a message sent to a channel, so that a person sees whether it arrives; the id of its row."""
    (row_id,) = outbox.put(tx, Saying(Said.TEST), [channel])
    return row_id


def _say(
    tx: Tx,
    each: OpenIncident,
    said: Said,
    run_id: int | None,
    state: machine.Incident,
    facts: Mapping[str, Any],
    channels: Iterable[str],
) -> None:
    known = {**facts, **_of_subject(each.subject), **_of_incident(state)}
    outbox.put(tx, Saying(said, each.cause, each.id, each.job_id, run_id, known), channels)


def _saying(said: Said, what: Happened) -> Saying:
    """``said`` of what is reported, but for the incident."""
    return Saying(
        said=said,
        cause=what.cause,
        job_id=what.job_id,
        run_id=what.run_id,
        facts={**what.facts, **_of_subject(what.subject)},
        bundle=what.bundle,
        wait=what.not_before,
    )


def _of_subject(subject: str) -> dict[str, str]:
    return {"subject": subject} if subject else {}


def _of_incident(state: machine.Incident) -> dict[str, Any]:
    """What its row says otherwise when the message is sent."""
    return {"opened_at": to_text(state.opened_at), "times": state.times}


def _rules(what: Happened, settings: _Settings | None) -> Rules:
    """Of what is reported, but for a mute."""
    if settings is None:
        return Rules(Alert(), what.channels)
    own = settings.on_success if what.cause is Cause.SUCCESS else settings.on_failure
    return Rules(settings.policy, what.channels or own)


def _rules_of_open(
    each: OpenIncident, settings: _Settings | None, muted: Mutes, paused: Pauses, tell: tuple[str, ...]
) -> Rules:
    is_muted = muted.end_of(each.job_id) is not None
    if settings is None or each.job_id is None:
        return Rules(Alert(), tell, is_muted=is_muted)
    is_resting = not settings.is_enabled or paused.end_of(each.job_id) is not None
    return Rules(settings.policy, settings.on_failure, is_muted=is_muted, is_resting=is_resting)


def _settings(conn: apsw.Connection, job_id: str) -> _Settings | None:
    """What a live job says; None for one that is deleted."""
    row = conn.execute(_SETTINGS, {"job": job_id}).fetchone()
    if row is None:
        return None
    alert, on_failure, on_success, *rest = row
    return _Settings(policy_of(alert), addresses_of(on_failure), addresses_of(on_success), *map(bool, rest))


_SETTINGS: Final = f"""
SELECT spec -> '$.alert', spec -> '$.on_failure', spec -> '$.on_success', enabled,
  EXISTS (SELECT 1 FROM overrides WHERE {MUTES_OF_JOB})
FROM jobs WHERE id = :job AND deleted_at IS NULL
"""
