"""Keeps the live jobs as the manifests say, for as long as the runner lives.

Level-triggered: a hint, an interval or a nudge all mean "look again"; every look reads the whole
source and compares it with the whole database.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

import apsw

from jeeves_runner.clock import Clock, to_text
from jeeves_runner.core.live import Delta
from jeeves_runner.core.origin import Allowance, AppliedBy, Commit
from jeeves_runner.core.plan import Action, Plan, named_summary
from jeeves_runner.core.withheld import Withheld, dated, reason_of, refused, too_early, waiting_for_a_person
from jeeves_runner.db import revisions
from jeeves_runner.db.thread_reads import ThreadReads
from jeeves_runner.db.writer import Writer
from jeeves_runner.errors import (
    BaseMoved,
    DatabaseError,
    JeevesError,
    PlannerNotStarted,
    SourceMismatch,
)
from jeeves_runner.reconcile.allowances import commits_to_ask
from jeeves_runner.reconcile.apply import (
    Applied,
    ApplyOptions,
    apply_plan,
    held_since,
    needs_writing,
    read_live,
    with_fields,
)
from jeeves_runner.reconcile.planner_process import PlannerProcess
from jeeves_runner.reconcile.sync_status import SyncStatus, since_before, state_of
from jeeves_runner.side_thread import SideThread
from jeeves_runner.sources import stamps
from jeeves_runner.sources.contract import Source, Trace
from jeeves_runner.sources.stamps import Places

log = logging.getLogger(__name__)

_FIRST_LOOKS = 4
"""Looks before the jobs are loaded, should deletes be settling at each but the last."""
_COMMIT_PATIENCE = 45.0
"""Seconds that a source has to say which commit it stands at; git gets 10 for each question."""

_AGAIN = 2.0
"""Seconds until the next look where the database or the system has failed the last one."""

SILENCE = 4.0
"""Seconds without an answer of the planner after which that is the sync state; 10,000 new manifests take it
three."""

_INCOMPLETE = "deletes wait until the errors in the manifests are fixed"


class Reconciler:
    """Follows one source and applies what it sees.

    ``status`` is what the last look found. ``conn`` is read in threads, and by nothing else.
    ``applied`` is awaited after each commit that wrote a revision. ``interval`` is in seconds.
    """

    def __init__(
        self,
        *,
        source: Source,
        planner: PlannerProcess,
        writer: Writer,
        conn: apsw.Connection,
        clock: Clock,
        applied: Callable[[Applied], Awaitable[None]],
        interval: float,
        automatic: bool = True,
    ) -> None:
        self._source = source
        self._planner = planner
        self._writer = writer
        self._reads = ThreadReads(conn)
        self._clock = clock
        self._applied = applied
        self._interval = interval
        self._automatic = automatic
        # Set by apply_now: the next look applies what it finds. That plan's fingerprint is kept, so that
        # it stays approved while its deletes settle.
        self._apply_asked = False
        self._approved: str | None = None
        self._watch = source.watch(clock)
        self._settling = f"deletes count once the folder has stayed as it is for {source.settle:.0f} s"
        self._side = SideThread("reconciler")
        self._scripts = Places(self._side)
        self._look_again = asyncio.Event()
        self._is_to_look_soon = False
        # The fingerprint of the last plan, and the monotonic time at which it was first seen.
        self._seen: tuple[str, float] = ("", 0.0)
        self.status = self._reported = SyncStatus(state="starting", since=clock.now())

    def nudge(self) -> None:
        """Look again now."""
        self._look_again.set()

    def apply_now(self) -> None:
        """Look again now and apply what is found, in manual mode too; the guards stay in force.

        This approves what that look finds, its deletes included once they have settled, and nothing
        that is edited later.
        """
        self._apply_asked = True
        self._look_again.set()

    def settling(self) -> float | None:
        """Seconds until deletes that were seen will be believed; None when none wait for that alone."""
        if self.status.state != "pending" or self.status.reason != self._settling:
            return None
        return max(0.0, self._seen[1] + self._source.settle - self._clock.monotonic()) + 0.01

    async def close(self, patience: float) -> bool:
        """End the planner and what is being read, and close the connection; False if one of them does not end
        within ``patience`` seconds each."""
        try:
            # Not by the thread for commits, nor by one that all share: they may hang.
            has_ended = await SideThread("end of the planner").call(self._planner.close, patience)
        except OSError:
            has_ended = False
        return await self._reads.close(patience) and has_ended

    async def run(self) -> None:
        """Look at each hint and at each interval, until cancelled. Fails if its watch does; begun again, it
        looks at once."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch.follow(self.nudge))
                group.create_task(self._glance())
                await self._look_on()
        finally:
            self.nudge()

    async def _look_on(self) -> None:
        while True:
            try:
                # Not wait_for: in Python 3.11 a hint at the same moment makes it swallow a cancellation.
                async with asyncio.timeout(self._settle_wait()):
                    await self._look_again.wait()
            except TimeoutError:
                self._planner.forget()
            self._look_again.clear()
            await self.look()

    async def _glance(self) -> None:
        """Look again when a script that could not be run has changed: no source watches it."""
        while True:
            await asyncio.sleep(stamps.GLANCE)
            if await self._scripts.has_changed():
                self.nudge()

    def _settle_wait(self) -> float:
        """Seconds until the next look: sooner while deletes are settling, and after want of something."""
        settling = self.settling()
        soon = _AGAIN if self._is_to_look_soon else self._interval
        return min(self._interval, soon if settling is None else settling)

    async def look(self) -> SyncStatus:
        """One look: plan, and apply what may be applied; the new ``status``.

        It does not raise for anything that is wrong with the source or the manifests.
        """
        self._is_to_look_soon = False
        try:
            unrest = await self._watch.wait_for_rest(self._say_waiting)
            found = await self._reconcile(unrest)
            self._scripts.note(self._planner.recheck)
            await self._watch.looked(self._planner.trace)
            self._enter(found, since_before(found))
        except (JeevesError, OSError) as error:
            self._is_to_look_soon = isinstance(error, DatabaseError | OSError | PlannerNotStarted)
            self._approved = None
            self._scripts.note({})
            await self._watch.looked(None)
            reason = f"{error}; {hint}" if (hint := getattr(error, "hint", None)) else str(error)
            self._enter(replace(self.status, state="error", reason=reason, checked_at=self._clock.now()))
        self._report()
        return self.status

    async def look_until_settled(self, stop: asyncio.Event) -> None:
        """Look until no delete settles any more, so that no job starts whose manifest has gone.

        A folder that goes on changing is not waited for.
        """
        for _ in range(_FIRST_LOOKS):
            await self.look()
            if (settling := self.settling()) is None or stop.is_set():
                return
            log.info("deletes in the manifests are settling; the jobs come in %.0f s", settling)
            with suppress(TimeoutError):
                async with asyncio.timeout(settling):
                    await stop.wait()

    def _enter(self, status: SyncStatus, since: datetime | None = None) -> None:
        """Take a new status. Its state stands since the one before came, if that is the same."""
        if status.state == self.status.state:
            since = self.status.since
        self.status = replace(status, since=since or self._clock.now())

    async def _reconcile(self, unrest: str | None) -> SyncStatus:
        """``unrest``: why deletes are not to be believed."""
        # Taken before the source is read: a request during that is answered by the look after this one.
        asked, self._apply_asked = self._apply_asked, False
        while True:
            known = await self._reads.read(revisions.fingerprint)
            came = known[0] != self.status.revision
            await self._note_revision(known[0])
            plan = await self._plan(known)
            plan = await self._reads.read(partial(with_fields, plan=plan))
            if came and plan.fingerprint == self._seen[0]:
                await self._warn_of_reversal(plan)
            approved = self._is_approved(plan, asked)
            allowed = self._allowed(plan, unrest is None, approved)
            try:
                withheld = await self._apply(plan, allowed, AppliedBy.API if approved else AppliedBy.WATCH)
            except BaseMoved:
                log.info("another apply came first; planning again")
                continue
            # A plan whose deletes still settle stays approved.
            if len(allowed.changes) == len(plan.changes) and self._approved == plan.fingerprint:
                self._approved = None
            if not self._automatic and not approved:
                withheld = waiting_for_a_person(plan)
            else:
                withheld += too_early(plan, allowed, withheld, unrest or self._settling)
            return await self._status_after(plan, withheld, unrest)

    async def _plan(self, known: Hashable) -> Plan:
        loop = asyncio.get_running_loop()
        silence = loop.call_later(SILENCE, self._say_silent, self._clock.now())
        try:
            read = partial(self._reads.here, read_live)
            return await self._planner.plan(known, read, self._clock.monotonic())
        finally:
            silence.cancel()

    def _say_silent(self, since: datetime) -> None:
        reason = f"the planner has not answered since {to_text(since)}"
        self._enter(replace(self.status, state="error", reason=reason), since)
        self._report()

    def _is_approved(self, plan: Plan, asked: bool) -> bool:
        """Whether a person asked for this very plan to be applied."""
        if asked:
            self._approved = plan.fingerprint
        elif self._approved != plan.fingerprint:
            self._approved = None
        return self._approved is not None

    async def _note_revision(self, number: int) -> None:
        if number != self.status.revision:
            row = await self._reads.read(partial(revisions.revision, number=number))
            self.status = replace(self.status, revision=number, commit=row["commit"] if row else None)

    async def _warn_of_reversal(self, plan: Plan) -> None:
        """Warn where no file has changed since the last look and yet there are changes: another apply, with
        another config or version, has read the same manifests differently."""
        if not self._automatic or all(c.drift or c.action is Action.DELETE for c in plan.changes):
            return
        row = await self._reads.read(partial(revisions.revision, number=self.status.revision))
        log.warning(
            "revision %d (%s) read the same manifests otherwise and is reversed now: it was made under"
            " another config or version; restart this server if its config has changed",
            self.status.revision,
            row and row["applied_by"],
        )

    def _allowed(self, plan: Plan, trust_deletes: bool, approved: bool) -> Plan:
        """What may be applied now: in manual mode nothing, no delete before the source is settled, and no
        change of a manifest that waits, unless a person asked for it."""
        if plan.fingerprint != self._seen[0]:
            self._seen = (plan.fingerprint, self._clock.monotonic())
        if not self._automatic and not approved:
            return replace(plan, changes=(), relined=(), files=(), forgotten=())
        settled = self._clock.monotonic() - self._seen[1] >= self._source.settle
        believed = plan if approved else plan.without_waiting()
        return believed if settled and trust_deletes else believed.without_deletes()

    async def _apply(self, plan: Plan, allowed: Plan, by: AppliedBy) -> list[Withheld]:
        """Apply what is allowed of the plan; what was refused of it."""
        try:
            applied = await self._write(allowed, by)
        except SourceMismatch as mismatch:
            keys = tuple(c.key for c in plan.changes)
            command = "jeeves-runner apply --take-over"
            return [Withheld(by="source", keys=keys, reason=mismatch.message, command=command)]
        await self._note_revision(applied.revision or plan.base)
        return refused(applied.refusals)

    async def _write(self, plan: Plan, by: AppliedBy) -> Applied:
        """Everything but the deletes that a guard refuses."""
        source, trace = self._source, self._planner.trace
        options = ApplyOptions(applied_by=by, source=source, leave_refused=True)
        if not await self._reads.read(partial(needs_writing, plan=plan, options=options)):
            return Applied(revision=None, plan=plan)
        commit = await self._commit(trace) if plan.changes else None
        options = replace(options, allowances=await self._allowances(plan, options, commit))
        applied, known = await self._writer.write(
            lambda tx: (apply_plan(tx, plan, options, commit), revisions.fingerprint(tx.conn)),
            durable=bool(plan.changes),
        )
        await self._planner.advance(Delta.of(applied.plan, applied.revision or plan.base), known)
        if applied.revision is not None:
            log.info("applied revision %d: %s", applied.revision, named_summary(applied.plan))
            for consequence in applied.plan.consequences:
                log.warning("revision %d: %s", applied.revision, consequence.message)
            self.status = replace(
                self.status, revision=applied.revision, commit=commit.sha if commit else None
            )
            await self._applied(applied)
        return applied

    async def _allowances(
        self, plan: Plan, options: ApplyOptions, commit: Commit | None
    ) -> tuple[Allowance, ...]:
        """What commits allow to be deleted, where that is needed."""
        ask = partial(commits_to_ask, plan=plan, options=options, commit=commit, now=self._clock.now())
        asked = await self._reads.read(ask)
        if asked is None:
            return ()
        with suppress(OSError):
            return await self._side.call(lambda: self._source.allowances(*asked), _COMMIT_PATIENCE)
        return ()

    async def _commit(self, trace: Trace) -> Commit | None:
        try:
            return await self._side.call(lambda: self._source.commit(trace), _COMMIT_PATIENCE)
        except OSError as error:
            log.warning("no commit is recorded for the manifests: %s", str(error) or "git is silent")
            return None

    async def _status_after(self, plan: Plan, withheld: list[Withheld], unrest: str | None) -> SyncStatus:
        now = self._clock.now()
        reason = reason_of(withheld) or unrest
        if plan.suspended:
            withheld.append(Withheld(by="incomplete", keys=plan.suspended, reason=_INCOMPLETE))
        waiting = {key for entry in withheld for key in entry.keys}
        return SyncStatus(
            state=state_of(plan, withheld),
            revision=self.status.revision,
            commit=self.status.commit,
            checked_at=now,
            plan=replace(
                plan,
                changes=tuple(c for c in plan.changes if c.key in waiting),
                held=await self._reads.read(partial(held_since, plan=plan)),
                files=(),
                relined=(),
                forgotten=(),
            ),
            withheld=dated(withheld, self.status.withheld, now),
            reason=reason,
        )

    def _say_waiting(self, reason: str) -> None:
        """What is there may be changed, and is not looked at yet: it cannot be said to be in sync."""
        state = "pending" if self.status.state == "in_sync" else self.status.state
        self._enter(replace(self.status, state=state, reason=reason))
        log.info("%s", reason)

    def _report(self) -> None:
        before, after = self._reported, self.status
        self._reported = after
        if (after.state, after.reason) != (before.state, before.reason):
            log.log(
                logging.WARNING if after.state in ("held", "blocked", "error") else logging.INFO,
                "manifests: %s%s",
                after.state,
                f": {after.reason}" if after.reason else "",
            )
        known = set(before.plan.problems)
        for problem in after.plan.problems:
            if problem.is_error and problem not in known:
                log.warning("%s%s", problem, f" ({problem.hint})" if problem.hint else "")
