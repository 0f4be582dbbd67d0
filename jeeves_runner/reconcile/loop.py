"""Keeps the live jobs as the manifests say, for as long as the runner lives.

Level-triggered: a hint, an interval or a nudge all mean "look again"; every look reads the whole
folder and compares it with the whole database.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import apsw

from jeeves_runner.clock import Clock, to_text
from jeeves_runner.core.live import Delta
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
from jeeves_runner.sources.commit import commit_of
from jeeves_runner.sources.folder import FolderSource
from jeeves_runner.sources.git_lock import GitLock
from jeeves_runner.sources.signature import Signature, signature
from jeeves_runner.sources.watch import FolderWatch

log = logging.getLogger(__name__)

SETTLE = 3.0
"""Seconds a folder must stay as it is before its deletes are believed."""

_GLANCE = 1.0
"""Seconds between two glances at what gives no hint: scripts that jobs wait for, folders that were moved,
what links lead to."""

_MANUAL = "manual mode: `jeeves-runner apply` or POST /reconcile makes it live"
_SETTLING = f"deletes count once the folder has stayed as it is for {SETTLE:.0f} s"


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncState:
    """Where the live jobs stand against the manifests.

    ``pending``: differences wait (for a person in manual mode, for deletes to settle).
    ``held``: some rows keep an older spec because their manifest is broken. ``blocked``: a guard
    refused. ``error``: the folder could not be looked at. ``commit``: the one that ``revision``
    records.
    """

    state: Literal["starting", "in_sync", "pending", "held", "blocked", "error"]
    revision: int = 0
    commit: str | None = None
    checked_at: datetime | None = None
    plan: Plan = field(default_factory=Plan)
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "revision": self.revision,
            "commit": self.commit,
            "checked_at": to_text(self.checked_at) if self.checked_at else None,
            "held": [h.as_json() for h in self.plan.held],
            "problems": [p.as_json() for p in self.plan.problems],
            "plan": [c.as_json() for c in self.plan.changes],
            "reason": self.reason,
        }


class Sync:
    """Watches one folder and applies what it sees.

    ``conn`` is for the planner's reads alone: they happen in threads. ``applied`` is awaited
    after each commit that wrote a revision.
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
        # Somebody wants applied what the next look finds, then that plan, by its fingerprint.
        self._is_asked = False
        self._wanted: str | None = None
        self._watch = FolderWatch(source.folder)
        self._git = GitLock(source.folder, clock)
        self._awaited: dict[str, Signature] = {}
        self._look_again = asyncio.Event()
        self._seen: tuple[str, float] = ("", 0.0)
        self.state = SyncState(state="starting")

    def nudge(self) -> None:
        """Look again now."""
        self._look_again.set()

    def apply_now(self) -> None:
        """Look again now and apply what is found, in manual mode too; the guards stay in force.

        The word holds for what that look finds, also while its deletes settle, and for nothing
        that is edited later.
        """
        self._is_asked = True
        self._look_again.set()

    def settling(self) -> float | None:
        """Seconds until deletes that were seen will be believed; None when none wait for that alone."""
        if self.state.state != "pending" or self.state.reason != _SETTLING:
            return None
        return max(0.0, self._seen[1] + SETTLE - self._clock.monotonic()) + 0.01

    async def run(self) -> None:
        """Look at each hint and at each interval, until cancelled. Fails if its watch does."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._glance())
            while True:
                try:
                    # Not wait_for, which in Python 3.11 may take a hint for an answer to a cancellation.
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
        """Look again when what a job waits for has changed, which need not lie where the watch is."""
        while True:
            await asyncio.sleep(_GLANCE)
            self._watch.check()
            awaited = self._awaited
            has_changed = await asyncio.to_thread(_has_changed, awaited) if awaited else False
            if has_changed and awaited is self._awaited:
                self._awaited = {}
                self._look_again.set()

    def _settle_wait(self) -> float:
        """Seconds until the next look: sooner while deletes are settling."""
        settling = self.settling()
        return self._interval if settling is None else min(self._interval, settling)

    async def look(self) -> SyncState:
        """One look: plan, and apply what may be applied. Its findings are in ``state``; it does not raise
        for anything that is wrong with the folder or the manifests."""
        before = self.state
        try:
            lock = await self._git.left(self._say_waiting)
            self.state = await self._reconcile(trust_deletes=lock is None)
            self._awaited = dict(self._planner.awaited)
            if lock is not None:
                self._note_lock(lock)
        except (JeevesError, OSError) as error:
            self._wanted = None
            self._awaited = {}
            self.state = replace(self.state, state="error", reason=str(error), checked_at=self._clock.now())
        self._report(before)
        self._watch.retarget(self._planner.folders)
        self._watch.check()
        return self.state

    async def _reconcile(self, *, trust_deletes: bool) -> SyncState:
        # Before the folder is read: a word that comes amid that is for what the look after this finds.
        asked, self._is_asked = self._is_asked, False
        while True:
            known = await asyncio.to_thread(revisions.fingerprint, self._conn)
            came = known[0] != self.state.revision
            await self._note_revision(known[0])
            plan = await self._planner.plan(known, partial(read_live, self._conn))
            plan = await asyncio.to_thread(with_fields, self._conn, plan)
            if came and plan.fingerprint == self._seen[0]:
                await self._warn_of_reversal(plan)
            wanted = self._is_wanted(plan, asked)
            allowed = self._allowed(plan, trust_deletes, wanted)
            try:
                applied, reason = await self._apply(allowed, "api" if wanted else "watch")
            except BaseMoved:
                log.info("another apply came first; planning again")
                continue
            await self._note_revision(applied.revision or plan.base)
            # Deletes that still settle keep the word that was given for them.
            if len(allowed.changes) == len(plan.changes) and self._wanted == plan.fingerprint:
                self._wanted = None
            waits = None if self._automatic or wanted else _MANUAL
            return self._state_after(plan, allowed, reason, waits)

    def _is_wanted(self, plan: Plan, asked: bool) -> bool:
        """Whether somebody asked for this plan to be applied."""
        if asked:
            self._wanted = plan.fingerprint
        elif self._wanted != plan.fingerprint:
            self._wanted = None
        return self._wanted is not None

    async def _note_revision(self, number: int) -> None:
        if number != self.state.revision:
            row = await asyncio.to_thread(revisions.revision, self._conn, number)
            self.state = replace(self.state, revision=number, commit=row["commit"] if row else None)

    async def _warn_of_reversal(self, plan: Plan) -> None:
        """No file has changed since the last look and yet there are changes: another apply reads the
        manifests otherwise."""
        if not self._automatic or all(c.drift or c.action is Action.DELETE for c in plan.changes):
            return
        row = await asyncio.to_thread(revisions.revision, self._conn, self.state.revision)
        log.warning(
            "revision %d (%s) read the same manifests otherwise and is reversed now: it was made under"
            " another config or version; restart this server if its config has changed",
            self.state.revision,
            row and row["applied_by"],
        )

    def _allowed(self, plan: Plan, trust_deletes: bool, wanted: bool) -> Plan:
        """What may be applied now: in manual mode nothing, and no delete before the folder is settled."""
        if plan.fingerprint != self._seen[0]:
            self._seen = (plan.fingerprint, self._clock.monotonic())
        if not self._automatic and not wanted:
            return replace(plan, changes=(), relined=(), files=(), forgotten=())
        settled = self._clock.monotonic() - self._seen[1] >= SETTLE
        return plan if settled and trust_deletes else plan.without_deletes()

    async def _apply(self, plan: Plan, by: str) -> tuple[Applied, str | None]:
        """What was applied, and why deletes were left out (None: they were not)."""
        try:
            return await self._write(plan, by), None
        except SourceMismatch as mismatch:
            return Applied(revision=None, plan=replace(plan, changes=())), mismatch.message
        except Refused as refused:
            return await self._write(plan.without_deletes(), by), refused.message

    async def _write(self, plan: Plan, by: str) -> Applied:
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
            self.state = replace(self.state, revision=applied.revision, commit=commit.sha if commit else None)
            await self._applied(applied)
        return applied

    def _state_after(self, plan: Plan, allowed: Plan, reason: str | None, all_wait: str | None) -> SyncState:
        """``reason``: why deletes were refused. ``all_wait``: why nothing was to be applied, if so."""
        left = plan.changes if all_wait else plan.of(Action.DELETE)
        waiting = () if len(allowed.changes) == len(plan.changes) and not reason else tuple(left)
        word: Literal["in_sync", "pending", "held", "blocked"] = "in_sync"
        if reason:
            word = "blocked"
        elif waiting:
            word = "pending"
            reason = all_wait or _SETTLING
        elif plan.held or not plan.complete:
            word = "held"
        return SyncState(
            state=word,
            revision=self.state.revision,
            commit=self.state.commit,
            checked_at=self._clock.now(),
            plan=replace(plan, changes=waiting, files=(), relined=(), forgotten=()),
            reason=reason,
        )

    def _say_waiting(self, lock: Path) -> None:
        self.state = replace(self.state, reason=f"waiting for git: {lock} exists")
        log.info("%s", self.state.reason)

    def _note_lock(self, lock: Path) -> None:
        """Deletes wait for as long as the lock is there, and are looked at once it is gone."""
        self._awaited[str(lock)] = self._git.seen
        if self.state.reason in (None, _SETTLING):
            reason = f"deletes wait for git: {lock} exists; if no git command is at work, remove it"
            self.state = replace(self.state, reason=reason)

    def _report(self, before: SyncState) -> None:
        after = self.state
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


def _has_changed(awaited: Mapping[str, Signature]) -> bool:
    return any(signature(path) != found for path, found in awaited.items())
