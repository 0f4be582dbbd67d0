"""Keeps the live jobs as the manifests say, for as long as the runner lives.

Level-triggered: a hint, an interval or a nudge all mean "look again"; every look reads the whole
folder and compares it with the whole database.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import apsw

from jeeves_runner.clock import Clock, to_text
from jeeves_runner.core.live import Step
from jeeves_runner.core.model import Commit
from jeeves_runner.core.plan import Action, Plan, summary
from jeeves_runner.db import revisions
from jeeves_runner.db.writer import Writer
from jeeves_runner.errors import BaseMoved, JeevesError, Refused, SourceMismatch
from jeeves_runner.planner_process import PlannerProcess
from jeeves_runner.reconcile import Applied, Terms, apply_plan, needs_writing, read_live, with_fields
from jeeves_runner.sources.commit import commit_of
from jeeves_runner.sources.folder import FolderSource
from jeeves_runner.sources.watch import FolderWatch

log = logging.getLogger(__name__)

SETTLE = 3.0
"""Seconds a folder must stay as it is before its deletes are believed."""

GIT_PATIENCE = 30.0
"""Seconds to wait for a git command that is changing the folder."""

_GIT_STEP = 0.05
_GIT_WORTH_SAYING = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncState:
    """Where the live jobs stand against the manifests.

    ``pending``: differences wait (for a person in manual mode, for deletes to settle).
    ``held``: some rows keep an older spec because their manifest is broken. ``blocked``: a guard
    refused. ``error``: the folder could not be looked at.
    """

    state: Literal["starting", "in_sync", "pending", "held", "blocked", "error"]
    revision: int = 0
    commit: Commit | None = None
    checked_at: datetime | None = None
    plan: Plan = field(default_factory=Plan)
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "revision": self.revision,
            "commit": self.commit.sha if self.commit else None,
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
        self._is_told_to_apply = False
        self._watch = FolderWatch(source.folder)
        self._look_again = asyncio.Event()
        self._seen: tuple[str, float] = ("", 0.0)
        self.state = SyncState(state="starting")

    def nudge(self) -> None:
        """Look again now."""
        self._look_again.set()

    def apply_now(self) -> None:
        """Look again now and apply what is found, in manual mode too; the guards stay in force."""
        self._is_told_to_apply = True
        self._look_again.set()

    async def run(self) -> None:
        """Look at each hint and at each interval, until cancelled. Fails if its watch does."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
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

    def _settle_wait(self) -> float:
        """Seconds until the next look: sooner while deletes are settling."""
        if (self._automatic or self._is_told_to_apply) and self.state.state == "pending":
            return min(self._interval, max(0.0, self._seen[1] + SETTLE - self._clock.monotonic()) + 0.01)
        return self._interval

    async def look(self) -> SyncState:
        """One look: plan, and apply what may be applied. Its findings are in ``state``; it does not raise
        for anything that is wrong with the folder or the manifests."""
        before = self.state
        try:
            self._source.check()  # a folder that cannot be entered hides what git does in it
            lock = await self._git_lock_left()
            self.state = await self._reconcile(trust_deletes=lock is None)
            if lock is not None and self.state.state == "pending":
                reason = f"deletes wait for git: {lock} exists; if no git command is at work, remove it"
                self.state = replace(self.state, reason=reason)
        except (JeevesError, OSError) as error:
            self.state = replace(self.state, state="error", reason=str(error), checked_at=self._clock.now())
        self._report(before)
        self._watch.retarget(self._planner.folders)
        return self.state

    async def _reconcile(self, *, trust_deletes: bool) -> SyncState:
        while True:
            known = await asyncio.to_thread(revisions.fingerprint, self._conn)
            plan = await self._planner.plan(known, partial(read_live, self._conn))
            plan = await asyncio.to_thread(with_fields, self._conn, plan)
            allowed = self._allowed(plan, trust_deletes)
            applies = self._automatic or self._is_told_to_apply
            try:
                applied, reason = await self._apply(allowed)
            except BaseMoved:
                log.info("another apply came first; planning again")
                continue
            # Deletes that still settle keep the word that was given for them.
            self._is_told_to_apply = self._is_told_to_apply and len(allowed.changes) < len(plan.changes)
            return self._state_after(plan, allowed, applied, reason, everything=not applies)

    def _allowed(self, plan: Plan, trust_deletes: bool) -> Plan:
        """What may be applied now: in manual mode nothing, and no delete before the folder is settled."""
        if plan.fingerprint != self._seen[0]:
            self._seen = (plan.fingerprint, self._clock.monotonic())
        if not self._automatic and not self._is_told_to_apply:
            return replace(plan, changes=(), relined=(), files=(), forgotten=())
        settled = self._clock.monotonic() - self._seen[1] >= SETTLE
        return plan if settled and trust_deletes else plan.without_deletes()

    async def _apply(self, plan: Plan) -> tuple[Applied, str | None]:
        """What was applied, and why deletes were left out (None: they were not)."""
        try:
            return await self._write(plan), None
        except SourceMismatch as mismatch:
            return Applied(revision=None, plan=replace(plan, changes=())), mismatch.message
        except Refused as refused:
            return await self._write(plan.without_deletes()), refused.message

    async def _write(self, plan: Plan) -> Applied:
        location = self._source.location
        if not needs_writing(self._conn, plan, location):
            return Applied(revision=None, plan=plan)
        commit = await asyncio.to_thread(commit_of, self._source.folder) if plan.changes else None
        terms = Terms(applied_by="watch", source=location)
        applied, known = await self._writer.write(
            lambda tx: (apply_plan(tx, plan, terms, commit), revisions.fingerprint(tx.conn)),
            durable=bool(plan.changes),
        )
        await self._planner.advance(Step.of(plan, applied.revision or plan.base), known)
        if applied.revision is not None:
            log.info("applied revision %d: %s", applied.revision, summary(plan))
            self.state = replace(self.state, revision=applied.revision, commit=commit)
            await self._applied(applied)
        return applied

    def _state_after(
        self, plan: Plan, allowed: Plan, applied: Applied, reason: str | None, *, everything: bool
    ) -> SyncState:
        """``everything``: nothing was to be applied, so all changes wait."""
        left = plan.changes if everything else plan.of(Action.DELETE)
        waiting = () if len(allowed.changes) == len(plan.changes) and not reason else tuple(left)
        word: Literal["in_sync", "pending", "held", "blocked"] = "in_sync"
        if reason:
            word = "blocked"
        elif waiting:
            word = "pending"
        elif plan.held or not plan.complete:
            word = "held"
        return SyncState(
            state=word,
            revision=applied.revision or plan.base,
            commit=self.state.commit,
            checked_at=self._clock.now(),
            plan=replace(plan, changes=waiting, files=(), relined=(), forgotten=()),
            reason=reason,
        )

    async def _git_lock_left(self) -> Path | None:
        """Wait for a git command at work in this tree; its lock when it takes too long to be one."""
        lock = _git_lock(self._source.folder)
        began = self._clock.monotonic()
        while lock is not None and lock.exists():
            waited = self._clock.monotonic() - began
            if waited > GIT_PATIENCE:
                return lock
            if waited > _GIT_WORTH_SAYING and self.state.reason is None:
                self.state = replace(self.state, reason=f"waiting for git: {lock} exists")
                log.info("%s", self.state.reason)
            await asyncio.sleep(_GIT_STEP)
        return None

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


def _git_lock(folder: Path) -> Path | None:
    for place in (folder, *folder.parents):
        if (place / ".git").is_dir():
            return place / ".git" / "index.lock"
    return None
