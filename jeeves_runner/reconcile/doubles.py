"""What is declared twice: one id in several places, and nodes that jobs or queues are already."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from jeeves_runner.core.manifest.file_result import FileResult
from jeeves_runner.core.manifest.problem_list import ProblemList
from jeeves_runner.core.manifest.yaml_places import Places
from jeeves_runner.core.node_spec import NodeKind, split_key
from jeeves_runner.core.plan import Declaration, HoldReasons, Key, LiveRow
from jeeves_runner.core.problem import Finding, Problem

_MOST_NAMED: Final = 3
"""Of the places that declare one id, how many a message names."""

_ALREADY: Final = {NodeKind.PROCESS: "job", NodeKind.QUEUE: "queue"}
"""As what a node of a kind may be declared already."""


class Doubles(NamedTuple):
    """What is declared twice."""

    problems: list[Problem]
    """An error at each place."""
    files: set[str]
    """The manifests with such places."""
    held: dict[Key, str]
    """What keeps its last good spec for that, with the reason in a sentence."""


class _Found:
    """Gathers the errors of several files."""

    def __init__(self) -> None:
        self._lists: dict[str, ProblemList] = {}
        self.held: dict[Key, str] = {}

    def error(self, file: str, at: tuple[int, int], message: str, hint: str) -> None:
        finding = Finding(path=(), code="duplicate_id", message=message, hint=hint)
        self._lists.setdefault(file, ProblemList(file)).report("error", finding, at=at)

    def all(self) -> Doubles:
        problems = [p for several in self._lists.values() for p in several.all(lambda _: Places(()))]
        return Doubles(problems, set(self._lists), self.held)


def double_ids(
    results: Iterable[FileResult], live: Mapping[Key, LiveRow], unchanged: Container[str]
) -> Doubles:
    """The ids that stand in several places of the files read and of those that are ``unchanged``."""
    places: dict[Key, list[tuple[str, int, int]]] = {}
    for result in results:
        for entry in result.entries:
            places.setdefault((entry.kind, entry.id), []).append((result.path, entry.line, entry.column))
    found = _Found()
    for key, declared in places.items():
        row = live.get(key)
        if row is not None and row.file in unchanged:
            declared.append((row.file, row.line, 1))
        if len(declared) > 1:
            _double(key, sorted(declared), found)
    return found.all()


def _double(key: Key, places: Sequence[tuple[str, int, int]], found: _Found) -> None:
    kind, name = key
    named = [f"{file}:{line}" for file, line, _ in places[: _MOST_NAMED + 1]]
    for n, (file, line, column) in enumerate(places):
        others = [place for m, place in enumerate(named) if m != n][:_MOST_NAMED]
        message = f"{kind} id `{name}` is also declared in {_listed(others, len(places) - 1)}"
        found.error(file, (line, column), message, "ids are unique over all manifests; rename one of them")
    found.held[key] = f"declared in {_listed(named[:_MOST_NAMED], len(places))}"


def _listed(places: Sequence[str], count: int) -> str:
    """Some of ``count`` places, and how many more there are."""
    more = count - len(places)
    return f"{', '.join(places)} and {more:,} more" if more else ", ".join(places)


def nodes_of_their_own(
    declared: Mapping[Key, Declaration],
    live: Mapping[Key, LiveRow],
    hold: HoldReasons,
    unchanged: Container[str],
) -> Doubles:
    """The declared nodes that a declared job or queue is by itself. Its manifest describes it better.

    The job or queue is left as it is. One that is held counts as declared.
    """
    found = _Found()
    for key, file, line in _nodes(declared, live, unchanged):
        kind, name = split_key(key[1])
        already = _ALREADY.get(NodeKind(kind))
        if already is None:
            continue
        place = _place((already, name), declared, live, hold, unchanged)
        if place is None:
            continue
        message = f"node `{key[1]}` is the {already} that {place} declares"
        hint = f"each {already} is a node by itself: take this entry away, and describe the {already} there"
        found.error(file, (line, 1), message, hint)
        found.held[key] = message
    return found.all()


def _nodes(
    declared: Mapping[Key, Declaration], live: Mapping[Key, LiveRow], unchanged: Container[str]
) -> Iterator[tuple[Key, str, int]]:
    """Each node that is declared now, with its place."""
    for key, want in declared.items():
        if key[0] == "node":
            yield key, want.file, want.line
    for key, row in live.items():
        if key[0] == "node" and row.file in unchanged and key not in declared:
            yield key, row.file, row.line


def _place(
    key: Key,
    declared: Mapping[Key, Declaration],
    live: Mapping[Key, LiveRow],
    hold: HoldReasons,
    unchanged: Container[str],
) -> str | None:
    """Where a job or queue is declared now, as ``FILE:LINE``; None if it is not."""
    if (want := declared.get(key)) is not None:
        return f"{want.file}:{want.line}"
    row = live.get(key)
    if row is None or not (row.file in unchanged or key in hold.keys or row.file in hold.files):
        return None
    return f"{row.file}:{row.line}"
