"""Keeps the live jobs as the manifests say, for as long as the runner lives.

Level-triggered: a hint, an interval or a nudge all mean "look again"; every look reads the whole
folder and compares it with the whole database.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.live import Delta
from jeeves_runner.core.model import AppliedBy
from jeeves_runner.core.plan import Action, Plan, summary
from jeeves_runner.db import revisions
from jeeves_runner.db.writer import Writer
from jeeves_runner.errors import BaseMoved, JeevesError, Refused, SourceMismatch
from jeeves_runner.reconcile.apply import (
    Applied,
    ApplyOptions,
    apply_plan,
    needs_writing,
    read_live,
    with_fields,
)
from jeeves_runner.reconcile.planner_process import PlannerProcess
from jeeves_runner.reconcile.sync_status import SyncState, SyncStatus
from jeeves_runner.sources.commit import commit_of
from jeeves_runner.sources.folder import FileStamp, FolderSource, stamp_of
from jeeves_runner.sources.git_lock import GitLock
from jeeves_runner.sources.watch import FolderWatch

log = logging.getLogger(__name__)

SETTLE = 3.0
"""Seconds a folder must stay as it is before its deletes are believed."""

_GLANCE = 1.0
"""Seconds between two glances at what gives no hint: scripts that are missing, folders that were moved, and
what links lead to."""

_MANUAL = "manual mode: `jeeves-runner apply` or POST /reconcile makes it live"
_SETTLING = f"deletes count once the folder has stayed as it is for {SETTLE:.0f} s"


class Reconciler:
    """Watches one folder and applies what it sees.

    ``status`` is what the last look found. ``conn`` is read in threads, for the planner alone.
    ``applied`` is awaited after each commit that wrote a revision. ``interval`` is in seconds.
    """

    def __init__(
        self,
        *,
        source: FolderSource,
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
        self._conn = conn
        self._clock = clock
        self._applied = applied
        self._interval = interval
        self._automatic = automatic
        # Set by apply_now: the next look applies what it finds. That plan's fingerprint is kept, so that
        # it stays approved while its deletes settle.
        self._apply_asked = False
        self._approved: str | None = None
        self._watch = FolderWatch(source.folder)
        self._git = GitLock(source.folder, clock)
        self._recheck: dict[str, FileStamp] = {}
        self._look_again = asyncio.Event()
        # The fingerprint of the last plan, and the monotonic time at which it was first seen.
        self._seen: tuple[str, float] = ("", 0.0)
        self.status = SyncStatus(state="starting")

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
        if self.status.state != "pending" or self.status.reason != _SETTLING:
            return None
        return max(0.0, self._seen[1] + SETTLE - self._clock.monotonic()) + 0.01

    async def run(self) -> None:
        """Look at each hint and at each interval, until cancelled. Fails if its watch does."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._glance())
            while True:
                try:
                    # Not wait_for: in Python 3.11 a hint at the same moment makes it swallow a cancellation.
                    async with asyncio.timeout(self._settle_wait()):
                        await self._look_again.wait()
                except TimeoutError:
                    self._planner.forget()
                self._look_again.clear()
                await self.look()

    async def _listen(self) -> None:
        async for _ in self._watch.hints():
            self._look_again.set()

    async def _glance(self) -> None:
        """Look again when something has changed at a place that a fault hangs on and no watch covers."""
        while True:
            await asyncio.sleep(_GLANCE)
            self._watch.check()
            places = self._recheck
            has_changed = await asyncio.to_thread(_has_changed, places) if places else False
            if has_changed and places is self._recheck:
                self._recheck = {}
                self._look_again.set()

    def _settle_wait(self) -> float:
        """Seconds until the next look: sooner while deletes are settling."""
        settling = self.settling()
        return self._interval if settling is None else min(self._interval, settling)

    async def look(self) -> SyncStatus:
        """One look: plan, and apply what may be applied; the new ``status``.

        It does not raise for anything that is wrong with the folder or the manifests.
        """
        before = self.status
        try:
            lock = await self._git.wait(self._say_waiting)
            self.status = await self._reconcile(trust_deletes=lock is None)
            self._recheck = dict(self._planner.recheck)
            if lock is not None:
                self._note_lock(lock)
        except (JeevesError, OSError) as error:
            self._approved = None
            self._recheck = {}
            self.status = replace(self.status, state="error", reason=str(error), checked_at=self._clock.now())
        self._report(before)
        self._watch.retarget(self._planner.folders)
        self._watch.check()
        return self.status

    async def _reconcile(self, *, trust_deletes: bool) -> SyncStatus:
        # Taken before the folder is read: who asks during that is answered by the look after this one.
        asked, self._apply_asked = self._apply_asked, False
        while True:
            known = await asyncio.to_thread(revisions.fingerprint, self._conn)
            came = known[0] != self.status.revision
            await self._note_revision(known[0])
            plan = await self._planner.plan(known, partial(read_live, self._conn))
            plan = await asyncio.to_thread(with_fields, self._conn, plan)
            if came and plan.fingerprint == self._seen[0]:
                await self._warn_of_reversal(plan)
            approved = self._is_approved(plan, asked)
            allowed = self._allowed(plan, trust_deletes, approved)
            try:
                applied, reason = await self._apply(allowed, AppliedBy.API if approved else AppliedBy.WATCH)
            except BaseMoved:
                log.info("another apply came first; planning again")
                continue
            await self._note_revision(applied.revision or plan.base)
            # A plan whose deletes still settle stays approved.
            if len(allowed.changes) == len(plan.changes) and self._approved == plan.fingerprint:
                self._approved = None
            waits = None if self._automatic or approved else _MANUAL
            return self._status_after(plan, allowed, reason, waits)

    def _is_approved(self, plan: Plan, asked: bool) -> bool:
        """Whether a person asked for this very plan to be applied."""
        if asked:
            self._approved = plan.fingerprint
        elif self._approved != plan.fingerprint:
            self._approved = None
        return self._approved is not None

    async def _note_revision(self, number: int) -> None:
        if number != self.status.revision:
            row = await asyncio.to_thread(revisions.revision, self._conn, number)
            self.status = replace(self.status, revision=number, commit=row["commit"] if row else None)

    async def _warn_of_reversal(self, plan: Plan) -> None:
        """Warn where no file has changed since the last look and yet there are changes: another apply, with
        another config or version, has read the same manifests differently."""
        if not self._automatic or all(c.drift or c.action is Action.DELETE for c in plan.changes):
            return
        row = await asyncio.to_thread(revisions.revision, self._conn, self.status.revision)
        log.warning(
            "revision %d (%s) read the same manifests otherwise and is reversed now: it was made under"
            " another config or version; restart this server if its config has changed",
            self.status.revision,
            row and row["applied_by"],
        )

    def _allowed(self, plan: Plan, trust_deletes: bool, approved: bool) -> Plan:
        """What may be applied now: in manual mode nothing, and no delete before the folder is settled."""
        if plan.fingerprint != self._seen[0]:
            self._seen = (plan.fingerprint, self._clock.monotonic())
        if not self._automatic and not approved:
            return replace(plan, changes=(), relined=(), files=(), forgotten=())
        settled = self._clock.monotonic() - self._seen[1] >= SETTLE
        return plan if settled and trust_deletes else plan.without_deletes()

    async def _apply(self, plan: Plan, by: AppliedBy) -> tuple[Applied, str | None]:
        """What was applied, and why deletes were left out (None: they were not)."""
        try:
            return await self._write(plan, by), None
        except SourceMismatch as mismatch:
            return Applied(revision=None, plan=replace(plan, changes=())), mismatch.message
        except Refused as refused:
            return await self._write(plan.without_deletes(), by), refused.message

    async def _write(self, plan: Plan, by: AppliedBy) -> Applied:
        location = self._source.location
        if not needs_writing(self._conn, plan, location):
            return Applied(revision=None, plan=plan)
        source = self._source
        commit = await asyncio.to_thread(commit_of, source.folder, source.root) if plan.changes else None
        options = ApplyOptions(applied_by=by, source=location)
        applied, known = await self._writer.write(
            lambda tx: (apply_plan(tx, plan, options, commit), revisions.fingerprint(tx.conn)),
            durable=bool(plan.changes),
        )
        await self._planner.advance(Delta.of(plan, applied.revision or plan.base), known)
        if applied.revision is not None:
            log.info("applied revision %d: %s", applied.revision, summary(plan))
            self.status = replace(
                self.status, revision=applied.revision, commit=commit.sha if commit else None
            )
            await self._applied(applied)
        return applied

    def _status_after(
        self, plan: Plan, allowed: Plan, reason: str | None, all_wait: str | None
    ) -> SyncStatus:
        """``reason``: why deletes were refused. ``all_wait``: why nothing was to be applied, if so."""
        left = plan.changes if all_wait else plan.of(Action.DELETE)
        waiting = () if len(allowed.changes) == len(plan.changes) and not reason else tuple(left)
        state: SyncState = "in_sync"
        if reason:
            state = "blocked"
        elif waiting:
            state = "pending"
            reason = all_wait or _SETTLING
        elif plan.held or not plan.complete:
            state = "held"
        return SyncStatus(
            state=state,
            revision=self.status.revision,
            commit=self.status.commit,
            checked_at=self._clock.now(),
            plan=replace(plan, changes=waiting, files=(), relined=(), forgotten=()),
            reason=reason,
        )

    def _say_waiting(self, lock: Path) -> None:
        self.status = replace(self.status, reason=f"waiting for git: {lock} exists")
        log.info("%s", self.status.reason)

    def _note_lock(self, lock: Path) -> None:
        """Say that deletes wait for the lock to go, and look again when it has."""
        self._recheck[str(lock)] = self._git.left_over
        if self.status.reason in (None, _SETTLING):
            reason = f"deletes wait for git: {lock} exists; if no git command is at work, remove it"
            self.status = replace(self.status, reason=reason)

    def _report(self, before: SyncStatus) -> None:
        after = self.status
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


def _has_changed(places: Mapping[str, FileStamp]) -> bool:
    return any(stamp_of(path) != found for path, found in places.items())
