"""The checks across manifests, made at each look from what the files declare and what is live of the others.

They are not remembered with a file: what another one declares makes them true or ends them.
"""

from collections.abc import Iterable, Mapping, Set
from datetime import datetime
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

from jeeves_runner.core.edge_spec import Edge
from jeeves_runner.core.graph.checks import check
from jeeves_runner.core.graph.found import Declared, Found, Placed
from jeeves_runner.core.instants import on_clocks
from jeeves_runner.core.manifest.problem_list import ProblemList
from jeeves_runner.core.manifest.yaml_places import Places
from jeeves_runner.core.plan import Declaration, Key, LiveRow
from jeeves_runner.core.problem import Problem


class Looked(NamedTuple):
    """What a look knows when it has read all manifests."""

    live: Mapping[Key, LiveRow]
    """What the database holds."""
    declared: Mapping[Key, Declaration]
    """The valid entries of the files that were read."""
    held: Mapping[Key, str]
    """What has mistakes, each with the reason."""
    held_files: Mapping[str, str]
    """The files that hold what was applied from them, likewise."""
    unchanged: Set[str]
    """The files that were not read again."""
    carried: Mapping[str, str]
    """The live jobs that get another id, by that one."""
    is_readable: bool
    """False while a manifest cannot be parsed."""
    is_whole: bool
    """False while a manifest has an error."""
    now: datetime
    """When the look is made."""


class Judged(NamedTuple):
    """What the checks say."""

    problems: tuple[Problem, ...] = ()
    """Errors and warnings, each at the line of what it is about."""
    holds: Mapping[Key, str] = {}
    """What there is an error of, with the reason in a sentence."""


class GraphChecks:
    """Keeps what it found, and checks again only what has changed since: mostly nothing has."""

    def __init__(self, timezone: str, *, is_strict: bool) -> None:
        """``timezone``: the project's; ``is_strict``: whether what is to be warned about is an error."""
        self._zone = ZoneInfo(timezone)
        self._is_strict = is_strict
        self._seen: tuple[object, ...] = ()
        self._judged = Judged()

    def look(self, looked: Looked) -> Judged:
        """What is wrong now."""
        today = on_clocks(looked.now, self._zone).date()
        # An apply changes the rows in place, so that copies are compared; of the same values, which is quick.
        seen = (
            *(dict(each) for each in (looked.live, looked.declared, looked.held, looked.held_files)),
            frozenset(looked.unchanged),
            dict(looked.carried),
            looked.is_readable,
            looked.is_whole,
            today,
        )
        if seen != self._seen:
            rows = _usable(looked)
            declared = Declared(
                rows=rows,
                others={name for kind, name in looked.held if kind == "job" and ("job", name) not in rows},
                kept=partial(_kept, looked.live, dict(looked.carried)),
                is_readable=looked.is_readable,
                is_whole=looked.is_whole,
                is_applied=not looked.declared,
                today=today,
                is_strict=self._is_strict,
            )
            self._judged = _judged(check(declared), rows)
            self._seen = seen
        return self._judged


def _usable(looked: Looked) -> Mapping[Key, Placed]:
    """The valid entries; and of what has mistakes or was not read again, what was last applied."""
    going = {("job", old) for old in looked.carried.values()}
    rows: dict[Key, Placed] = {
        key: row
        for key, row in looked.live.items()
        if key in looked.held
        or (
            key not in looked.declared
            and (row.file in looked.unchanged or row.file in looked.held_files)
            and key not in going
        )
    }
    rows.update((key, want) for key, want in looked.declared.items() if key not in looked.held)
    return rows


def _kept(live: Mapping[Key, LiveRow], carried: Mapping[str, str], job: str) -> tuple[Edge, ...]:
    row = live.get(("job", carried.get(job, job)))
    return () if row is None else row.edges


def _judged(found: Iterable[Found], rows: Mapping[Key, Placed]) -> Judged:
    problems: dict[str, ProblemList] = {}
    holds: dict[Key, str] = {}
    for each in found:
        row = rows[each.key]
        several = problems.setdefault(row.file, ProblemList(row.file))
        several.report(each.severity, each.finding, at=(row.line, 1))
        if each.severity == "error":
            holds.setdefault(each.key, each.finding.message)
    nowhere = Places(())
    return Judged(tuple(p for several in problems.values() for p in several.all(lambda _: nowhere)), holds)
