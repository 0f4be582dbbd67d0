"""Tells of what is wrong with no job: manifests held back, a plan that is blocked, a disk that is full; and
of a time in which no runner ran. What people were told of and is not over, they are reminded of.

It looks at what is, not at what changes: after a crash the next look finds what there was to find.
"""

import logging
import posixpath
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.alerts.texts import between, short_moment
from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.core.plan import Plan
from jeeves_runner.db import alerting, incidents
from jeeves_runner.db.alerting import Happened
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Writer
from jeeves_runner.reconcile.sync_status import SyncStatus
from jeeves_runner.runner.rounds import in_rounds
from jeeves_runner.sources.names import DEFAULTS_NAMES

log = logging.getLogger(__name__)

PATIENCE: Final = 300.0
"""Seconds for which manifests may be held or blocked before it is told: people are at work on them."""

GAP: Final = 120.0
"""Seconds without a runner that are told. A restart takes less, and so does many a reboot."""

_LOOK: Final = 2.0
"""Seconds between two looks."""

_WATCHED: Final = (Cause.HELD, Cause.BLOCKED, Cause.DISK_FULL)
_JOBS: Final = 10


class Wrong(NamedTuple):
    """Something that is wrong now."""

    cause: Cause
    """What kind of thing."""
    subject: str
    """Which of them: a manifest; empty where there is but one."""
    facts: dict[str, Any]
    """What its message says."""
    patience: float = 0.0
    """Seconds for which it may be so before it is told."""


class AlertWatch:
    """What is looked at, and what of it is known. ``tell``: the addresses where what has no job is told."""

    def __init__(
        self,
        *,
        conn: apsw.Connection,
        writer: Writer,
        clock: Clock,
        sync: Callable[[], SyncStatus],
        shortage: Callable[[], str | None],
        tell: tuple[str, ...],
    ) -> None:
        """``shortage`` says what the disks lack, or None. ``conn`` is read in the event loop."""
        self._conn = conn
        self._writer = writer
        self._clock = clock
        self._sync = sync
        self._shortage = shortage
        self._tell = tell
        known = {
            (each.cause, each.subject): each.state
            for each in incidents.all_open(conn)
            if each.job_id is None and each.cause in _WATCHED
        }
        self._open: set[tuple[Cause, str]] = set(known)
        # There was no channel then.
        self._untold: set[tuple[Cause, str]] = {
            key for key, state in known.items() if state.told_at is None and not state.channels
        }
        self._since: dict[tuple[Cause, str], float] = {}

    async def run(self) -> None:
        """Look until cancelled. A look that fails is told once, and the next one makes up for it."""
        await in_rounds(
            self.look,
            _LOOK,
            log,
            failed="what is wrong could not be noted",
            over="alerts are looked after again",
        )

    async def look(self) -> None:
        """Note what is wrong now, what is no longer, and what people are to be reminded of."""
        found = {(each.cause, each.subject): each for each in self._found()}
        self._since = {key: self._since.get(key, self._clock.monotonic()) for key in found}
        told = self._open - self._untold if self._tell else self._open
        opened = [each for key, each in found.items() if key not in told and self._is_ripe(each)]
        over = [key for key in sorted(self._open - found.keys()) if self._is_known(*key)]
        if opened or over:
            await self._writer.write(lambda tx: self._note(tx, opened, over))
            noted = {(each.cause, each.subject) for each in opened}
            self._open = (self._open | noted) - set(over)
            self._untold -= {*noted, *over}
        while self._is_due():
            await self._writer.write(partial(alerting.review, tell=self._tell))

    def _is_due(self) -> bool:
        now = self._clock.now()
        due = alerting.next_review(self._conn, now)
        return due is not None and due <= now

    def _note(self, tx: Tx, opened: list[Wrong], over: list[tuple[Cause, str]]) -> None:
        for each in opened:
            what = Happened(
                each.cause,
                subject=each.subject,
                times=0 if (each.cause, each.subject) in self._untold else 1,
                facts=each.facts,
                channels=self._tell,
                since=tx.now - timedelta(seconds=self._lasted(each)),
            )
            alerting.report(tx, what)
        for cause, subject in over:
            alerting.went_well(tx, None, [cause], subject)

    def _is_known(self, cause: Cause, subject: str) -> bool:
        """Whether what is not found of it is over: of manifests nothing is known before a look, nor of those
        that are not read because of defaults or a folder above them."""
        if cause is Cause.DISK_FULL:
            return True
        status = self._sync()
        if status.state in ("starting", "error"):
            return False
        errors = {each.file for each in status.plan.problems if each.is_error}
        return cause is not Cause.HELD or _at_fault(subject, errors) == subject

    def _is_ripe(self, wrong: Wrong) -> bool:
        return self._lasted(wrong) >= wrong.patience

    def _lasted(self, wrong: Wrong) -> float:
        """Seconds since it was first seen."""
        return self._clock.monotonic() - self._since[wrong.cause, wrong.subject]

    def _found(self) -> Iterator[Wrong]:
        status = self._sync()
        if status.state in ("blocked", "error"):
            words = "are not applied" if status.state == "blocked" else "cannot be looked at"
            reason = f": {status.reason}" if status.reason else ""
            facts = {"words": f"{words}{reason}", "lines": _commands(status)}
            yield Wrong(Cause.BLOCKED, "", facts, PATIENCE)
        yield from held_manifests(status.plan)
        if (shortage := self._shortage()) is not None:
            yield Wrong(Cause.DISK_FULL, "", {"words": f"is full: {shortage}; no run starts"})


async def tell_of_gap(writer: Writer, tell: tuple[str, ...], since: datetime | None, zone: str) -> None:
    """Say that no runner ran from then on until now, if that was long; times are those of the zone."""

    def say(tx: Tx) -> None:
        if since is None or (tx.now - since).total_seconds() < GAP:
            return
        times = f"{short_moment(since, zone, tx.now)}-{short_moment(tx.now, zone, tx.now)}"
        facts = {"words": f"was down {times} ({between(since, tx.now)})"}
        alerting.report(tx, Happened(Cause.DOWN, facts=facts, channels=tell))

    await writer.write(say)


def held_manifests(plan: Plan) -> Iterator[Wrong]:
    """Each file that is not applied because something in it is wrong, by its first error."""
    every = [each for each in plan.problems if each.severity == "error"]
    errors = {each.file: each for each in reversed(every)}
    held: dict[str, list[str]] = {}
    for row in plan.held:
        held.setdefault(_at_fault(row.file, errors), []).append(row.id)
    counts = Counter(each.file for each in every)
    messages = {row.file: row.message for row in reversed(plan.held)}
    for file in dict.fromkeys([*errors, *held]):
        error, ids = errors.get(file), sorted(held.get(file, ()))
        lines: list[list[str]] = []
        if error is not None:
            lines.append(["Place", f"{file}:{error.line}:{error.column}"])
        if error is not None and error.hint:
            lines.append(["Hint", error.hint])
        if counts[file] > 1:
            lines.append(["Errors", f"{counts[file]}, of which this is the first"])
        if ids:
            more = f" and {len(ids) - _JOBS} more" if len(ids) > _JOBS else ""
            lines.append(["Run on as before", ", ".join(ids[:_JOBS]) + more])
        words = f"is held back: {messages[file] if error is None else error.message}"
        yield Wrong(Cause.HELD, file, {"words": words, "lines": lines}, PATIENCE)


def _at_fault(file: str, errors: Collection[str]) -> str:
    """The file that is to be mended for this one: itself, or defaults or a folder above it, on which hundreds
    may depend."""
    if file in errors:
        return file
    folders = {_folder_of(each): each for each in errors}
    above = file
    while above := posixpath.dirname(above):
        if above in folders:
            return folders[above]
    return file


def _folder_of(file: str) -> str:
    """The folder for which a file speaks: that of defaults; or itself, which is one that cannot be read."""
    folder, name = posixpath.split(file)
    return folder if name in DEFAULTS_NAMES else file


def _commands(status: SyncStatus) -> list[list[str]]:
    """How a person confirms what is withheld."""
    return [["To apply it", each.command] for each in status.withheld if each.command is not None]
