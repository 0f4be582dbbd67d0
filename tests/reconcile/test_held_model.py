"""Whatever happens to the files of a folder: a slow model says what is live, held and waits after each look.

The model knows the rules alone: what a file says, whether it can be read, and what was live before.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jeeves_runner.core.live import Delta, Live
from jeeves_runner.core.manifest.context import ProjectContext
from jeeves_runner.core.plan import Plan
from jeeves_runner.reconcile.planner import Planner, PlannerSetup
from jeeves_runner.schemas_text import manifest_schema
from jeeves_runner.sources.contract import Snapshot, SourceFile
from jeeves_runner.sources.folder.source import FolderSource
from jeeves_runner.sources.names import named_as_manifest, unreadable

UNREADABLE = {
    "empty": b"",
    "comments": b"# jobs:\n",
    "only defaults": b"defaults: {timeout: 4m}\n",
    "nothing in a list": b"jobs:\n",
    "half saved": b"jobs:\n- id: j0\n  run: [\n",
    "no text": b"\xff\xfe",
    "too large": b"#" * (1 << 20) + b"\n",
    "a word": b"jobs\n",
    "two documents": b"jobs: []\n---\njobs: []\n",
    "an unknown list": b"jobs: []\nqueus: []\n",
}
"""Files of which nothing can be made."""

REPLACED = ("a folder", "a link to nothing", "no right to read it")
"""What may stand in the place of a file."""

IDS = [*(f"j{n}" for n in range(4)), "q0", "q1", "datastore:n0", "datastore:n1"]
"""Jobs, queues and nodes: the first letter says which."""
LISTS = {"j": "jobs", "q": "queues", "d": "nodes"}
FILES = ("jobs.d/a.yaml", "jobs.d/b.yaml", "jobs.d/team/c.yaml")
DEFAULTS = "jobs.d/team/_defaults.yaml"


class Said(NamedTuple):
    """What a file that can be read says."""

    valid: Mapping[str, int]
    """The value of each job, queue and node that is valid."""
    invalid: frozenset[str] = frozenset()
    """Those that are declared with a mistake."""
    has_nameless: bool = False
    """Whether there is a job without an id."""

    def text(self) -> bytes:
        lists: dict[str, list[object]] = {"jobs": []}
        for name, value in self.valid.items():
            lists.setdefault(LISTS[name[0]], []).append(entry(name, value))
        for name in sorted(self.invalid - set(self.valid)):
            lists.setdefault(LISTS[name[0]], []).append({**entry(name, 0), "descriptoin": "a mistake"})
        if self.has_nameless:
            lists["jobs"].append({"run": "echo nameless"})
        return json.dumps(lists).encode()


def entry(name: str, value: int) -> dict[str, object]:
    """One of a list, that says this value."""
    match name[0]:
        case "j":
            return {"id": name, "run": f"echo {value}", "timeout": "1m"}
        case "q":
            return {"id": name, "max_attempts": value + 1}
        case _:
            kind, _, rest = name.partition(":")
            return {"id": rest, "kind": kind, "description": f"echo {value}"}


Standing = Said | str | None
"""What stands at a path: something readable, a word for what is not, or nothing at all."""

said = st.builds(
    Said,
    st.dictionaries(st.sampled_from(IDS), st.integers(0, 1), max_size=3),
    st.frozensets(st.sampled_from(IDS), max_size=1),
    st.booleans(),
)
good = st.dictionaries(st.sampled_from(IDS), st.integers(0, 1), max_size=4).map(Said)
words = st.sampled_from([*UNREADABLE, *REPLACED])
edits = st.one_of(
    st.tuples(st.sampled_from(FILES), good),
    st.tuples(st.sampled_from(FILES), words),
    st.tuples(st.sampled_from(FILES), st.one_of(said, st.none())),
    st.tuples(st.sampled_from(FILES), st.sampled_from(FILES)),
    st.tuples(st.just(DEFAULTS), st.booleans()),
    st.just(("a new version", None)),
)
"""A file is saved, renamed to another, the team's defaults break or are mended, or all is read anew."""


class Expected(NamedTuple):
    """What the model says of a look."""

    live: dict[str, int]
    held: set[str]
    suspended: set[str]


class Model:
    """The folder, and what has become of it."""

    def __init__(self) -> None:
        self.standing: dict[str, Standing] = {
            path: Said({name: 0}) for path, name in zip(FILES, ("j0", "q0", "datastore:n0"), strict=True)
        }
        self.defaults_are_broken = False
        self.live: dict[str, tuple[str, int]] = {}

    def look(self) -> Expected:
        there = {path: it for path, it in self.standing.items() if it is not None}
        readable = {path: it for path, it in there.items() if isinstance(it, Said) and self._is_read(path)}
        unclear = {path for path in there if path not in readable or readable[path].has_nameless}
        invalid = {name for it in readable.values() for name in it.invalid - set(it.valid)}
        places = {name: [p for p, it in readable.items() if name in it.valid] for name in IDS}
        doubtful = invalid | {name for name, found in places.items() if len(found) > 1}
        has_error = bool(doubtful or unclear or self.defaults_are_broken)
        held, suspended = set(), set()
        for name, (path, _) in list(self.live.items()):
            if name in doubtful or (not places[name] and path in unclear):
                held.add(name)
            elif not places[name] and has_error:
                suspended.add(name)
            elif not places[name]:
                del self.live[name]
        for name, found in places.items():
            if found and name not in doubtful:
                self.live[name] = (found[0], readable[found[0]].valid[name])
        return Expected({name: value for name, (_, value) in self.live.items()}, held, suspended)

    def _is_read(self, path: str) -> bool:
        return not (self.defaults_are_broken and path.startswith("jobs.d/team/"))

    def snapshot(self) -> Snapshot:
        """What a look at the folder sees."""
        files, problems = [], []
        for path, it in self.standing.items():
            if isinstance(it, Said):
                files.append(SourceFile(path=path, data=it.text()))
            elif it == "a folder":
                problems.append(named_as_manifest(path))
            elif it in REPLACED:
                problems.append(unreadable(path, f"it is {it}", None))
            elif it is not None:
                files.append(SourceFile(path=path, data=UNREADABLE[it]))
        text = b"defaults: [\n" if self.defaults_are_broken else b"defaults: {priority: 1}\n"
        defaults = [SourceFile(path=DEFAULTS, data=text)]
        return Snapshot.of(files=files, defaults=defaults, unreadable=problems, trace=None)


@pytest.fixture(scope="module")
def planner() -> Planner:
    return Planner(
        PlannerSetup(
            source=FolderSource(folder=Path("/p/jobs.d"), root=Path("/p")),
            schema=manifest_schema(),
            context=ProjectContext(project_root="/p", timezone="UTC", pools=frozenset()),
            runners=(),
            version="1",
            inherit_env=None,
        )
    )


@example(
    [
        (FILES[0], Said({}, frozenset({"j0"}))),
        (FILES[1], Said({"j0": 0})),
        (FILES[0], Said({"j0": 0})),
    ]
)
@settings(deadline=None, max_examples=100)
@given(st.lists(edits, min_size=1, max_size=14))
def test_no_series_of_edits_breaks_the_rules(planner: Planner, series: list[tuple[str, Any]]) -> None:
    model = Model()
    live = Live.nothing()
    specs: dict[str, str] = {}
    for what, value in [("nothing yet", None), *series]:
        if what == "nothing yet":
            pass
        elif what == "a new version":
            live = live._replace(files={})
        elif what == DEFAULTS:
            model.defaults_are_broken = bool(value)
        elif isinstance(value, str) and value in FILES:
            model.standing[value], model.standing[what] = model.standing[what], None
        else:
            model.standing[what] = value
        expected = model.look()
        plan = planner.compare(model.snapshot(), live)
        live = applied(plan, live, specs)
        assert {name: value_of(name, text) for name, text in specs.items()} == expected.live
        assert {row.id for row in plan.held} == expected.held
        assert {name for _, name in plan.suspended} == expected.suspended
        assert planner.compare(model.snapshot(), live).changes == ()


def applied(plan: Plan, live: Live, specs: dict[str, str]) -> Live:
    """What is live after the plan; ``specs`` holds the text of each job."""
    for change in plan.changes:
        specs.pop(change.id, None)
        if change.text is not None:
            specs[change.id] = change.text
    return live.advance(Delta.of(plan, plan.base + 1))


def value_of(name: str, text: str) -> int:
    """The value that a spec says."""
    spec = json.loads(text)
    if name.startswith("q"):
        return int(spec.get("max_attempts", 3)) - 1
    return int(spec["script" if name.startswith("j") else "description"].removeprefix("echo "))
