"""How the live jobs stand against the manifests: what waits or is held, why, and what to do about it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import zip_longest
from types import MappingProxyType
from typing import Final, NamedTuple

import apsw
from aiohttp import web

from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.core.withheld import WithheldBy
from jeeves_runner.dashboard.changes import ShownChange, shown_changes
from jeeves_runner.dashboard.excerpts import Excerpt, Place, excerpts, place_of
from jeeves_runner.dashboard.showing import Read, Sheet, show_once_known
from jeeves_runner.db import revisions
from jeeves_runner.db.revisions import RevisionRow
from jeeves_runner.views.sync import (
    HeldDocument,
    ProblemDocument,
    RowDocument,
    SyncDocument,
    SyncWord,
    WithheldDocument,
    sync_view,
)

_SHEET: Final = Sheet(template="sync.html", title="Sync", here="/sync", live=frozenset({"sync"}))

_MOST_PROBLEMS: Final = 100
_MOST_FILES: Final = 100
_MOST_ROWS: Final = 12
_MOST_OTHERS: Final = 500
_LAST: Final = 5

_MEANING: Final[Mapping[SyncWord, str]] = MappingProxyType(
    {
        "in_sync": "All that the manifests declare is live.",
        "pending": "Changes were found that are not applied yet.",
        "held": "A manifest is broken. What was live of it runs on as it was.",
        "blocked": "Changes were refused. What is live stays as it is until they are confirmed.",
        "error": "The manifests could not be looked at. What is live stays as it is.",
        "starting": "The first look at the manifests is under way.",
        "unwatched": "The manifests are not watched.",
    }
)

_KEPT_BACK: Final[Mapping[WithheldBy, str]] = MappingProxyType(
    {
        "manual": "Wait to be applied",
        "source": "The database belongs to other manifests",
        "guard": "Refused: it looks like a mistake",
        "settling": "Deletes that are too new",
        "waiting": "A commit hook may be at work",
        "incomplete": "Deletes that wait for broken manifests",
    }
)


class ShownProblem(NamedTuple):
    """A mistake with the lines around it."""

    problem: ProblemDocument
    """What is wrong."""
    excerpt: Excerpt | None
    """The lines; None: they are not to be had."""


class BrokenFile(NamedTuple):
    """A file with mistakes, or that holds something."""

    path: str
    """Which."""
    held: Sequence[HeldDocument]
    """What keeps an older spec because of it; the first of it."""
    more_held: int
    """How much else does."""
    problems: Sequence[ShownProblem]
    """What is wrong with it."""

    @property
    def is_error(self) -> bool:
        """Whether more than warnings."""
        return bool(self.held) or any(each.problem["severity"] == "error" for each in self.problems)


class Kept(NamedTuple):
    """Changes that are not applied."""

    title: str
    """In a few words."""
    withheld: WithheldDocument
    """Why, since when, and what applies them; the first of its rows."""
    others: Sequence[RowDocument]
    """More of them, which are seen once they are asked for."""
    more: int
    """How many other rows there are besides."""
    command: str | None
    """What applies them all the same; None where the next ones have the same command."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncPage:
    """What is shown."""

    sync: SyncDocument
    """What the last look found."""
    meaning: str
    """Its state in a sentence."""
    revision: RevisionRow | None
    """What is live; None: nothing was applied yet."""
    declared: Mapping[str, int]
    """How many jobs, queues and nodes the manifests declare, by kind."""
    manifests: int
    """How many manifests there are."""
    folder: str
    """Where they are."""
    is_manual: bool
    """Whether nothing is applied unasked."""
    files: Sequence[BrokenFile]
    """The files that are wrong, errors first."""
    more_files: int
    """How many others are."""
    more_problems: int
    """How many other mistakes the manifests have."""
    kept: Sequence[Kept]
    """What is not applied."""
    changes: Sequence[ShownChange]
    """The changes that wait."""
    last: Sequence[RevisionRow]
    """What was applied last."""


async def sync(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    return await show_once_known(call, _SHEET, partial(_known, call))


async def _known(call: Call[Nothing, Nothing, Nothing]) -> Read:
    services = call.services
    status, config = services.sync.status, services.config
    document = sync_view(status, services.config_file)
    document["problems"].sort(key=lambda each: (each["severity"], *place_of(each)))
    shown: Mapping[Place, Excerpt] = {}
    if document["problems"]:
        look = partial(excerpts, config.root, document["problems"], document["checked_at"])
        try:
            shown = await call.look(look)
        except OSError:  # their disk does not answer, and messages say where it is
            shown = {}
    files = _files(document, shown)

    def read(conn: apsw.Connection, _now: datetime) -> SyncPage:
        return SyncPage(
            sync=document,
            meaning=_MEANING[document["state"]],
            revision=revisions.revision(conn, revisions.head(conn)),
            declared=status.plan.declared,
            manifests=status.plan.manifests,
            folder=str(config.jobs_dir),
            is_manual=config.sync.mode == "manual",
            files=files[:_MOST_FILES],
            more_files=max(0, len(files) - _MOST_FILES),
            more_problems=max(0, len(document["problems"]) - _MOST_PROBLEMS),
            kept=list(_kept(document["withheld"])),
            changes=shown_changes(document["plan"]),
            last=revisions.revision_rows(conn, before=None, limit=_LAST),
        )

    return read


def _files(document: SyncDocument, shown: Mapping[Place, Excerpt]) -> list[BrokenFile]:
    held: dict[str, list[HeldDocument]] = {}
    problems: dict[str, list[ShownProblem]] = {}
    for row in document["held"]:
        held.setdefault(row["file"], []).append(row)
    for each in document["problems"][:_MOST_PROBLEMS]:
        problems.setdefault(each["file"], []).append(ShownProblem(each, shown.get(place_of(each))))
    files = [
        BrokenFile(path, rows[:_MOST_ROWS], max(0, len(rows) - _MOST_ROWS), problems.get(path, ()))
        for path in {**problems, **held}
        for rows in (held.get(path, []),)
    ]
    return sorted(files, key=lambda each: (not each.is_error, each.path))


def _kept(withheld: Sequence[WithheldDocument]) -> Iterator[Kept]:
    for each, following in zip_longest(withheld, withheld[1:]):
        command = each["command"]
        yield Kept(
            _KEPT_BACK[each["by"]],
            {**each, "rows": each["rows"][:_MOST_ROWS]},
            each["rows"][_MOST_ROWS : _MOST_ROWS + _MOST_OTHERS],
            max(0, len(each["rows"]) - _MOST_ROWS - _MOST_OTHERS),
            command=None if following is not None and following["command"] == command else command,
        )
