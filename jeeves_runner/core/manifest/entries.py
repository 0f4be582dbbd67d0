"""The entries of one manifest: each a job, a queue or a node, checked by the schema and beyond it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from jeeves_runner.core.edge_spec import PLAIN, Edge, Traits, edges_in, traits_in
from jeeves_runner.core.manifest.alerts import unmeant_in
from jeeves_runner.core.manifest.budget import MAX_EFFORT, MAX_ENTRIES, SPLIT, Size
from jeeves_runner.core.manifest.build import build_job, build_node, build_queue, nul_findings
from jeeves_runner.core.manifest.context import Layer, with_defaults
from jeeves_runner.core.manifest.edges import edge_warnings
from jeeves_runner.core.manifest.environment import variable_warnings
from jeeves_runner.core.manifest.examples import key_hint
from jeeves_runner.core.manifest.file_result import Entry, Kind
from jeeves_runner.core.manifest.payload_schemas import Content
from jeeves_runner.core.manifest.problem_list import ProblemList
from jeeves_runner.core.manifest.requirements import Requirement, requirements_of
from jeeves_runner.core.manifest.rules import ManifestRules
from jeeves_runner.core.manifest.schedules import schedule_warnings
from jeeves_runner.core.manifest.sessions import of_its_type
from jeeves_runner.core.namespaces import Namespaces
from jeeves_runner.core.node_spec import NodeKind, node_key
from jeeves_runner.core.problem import Finding, KeyPath
from jeeves_runner.core.spec_texts import encode, spec_hash
from jeeves_runner.core.values import is_id

LISTS: Final[tuple[tuple[str, Kind], ...]] = (("jobs", "job"), ("queues", "queue"), ("nodes", "node"))
"""The keys under which entries stand, each with what these are."""

_OF_ONE_VALUE: Final = frozenset({"schedule", "wrong_value", "bad_name"})
"""The codes of mistakes that a value is by itself."""

Met = Callable[[Any, KeyPath, Layer], None]
"""Hears of a job as its file has it, of the way to it from the top of that, and of all its defaults."""


class TooMuch(Exception):
    """The file comes to more than it may. Nothing is taken from it: a part is not what its author wrote."""

    def __init__(self, path: KeyPath, message: str, hint: str) -> None:
        super().__init__(message)
        self.finding = Finding(path=path, code="too_much", message=message, hint=hint)


class EntryReader:
    """Takes the entries of one file, one after the other. What is wrong with them goes to ``problems``.

    ``holds_float`` and ``size`` are the document's, and known before the first entry.
    """

    def __init__(
        self,
        rules: ManifestRules,
        problems: ProblemList,
        now: datetime | None,
        met: Met,
        names: Namespaces,
        content: Content,
    ) -> None:
        self._rules = rules
        self._problems = problems
        self._now = now
        self._met = met
        self._names = names
        self._content = content
        self._effort_left = MAX_EFFORT
        self._entries_left = MAX_ENTRIES
        self.holds_float = False
        self.size = Size()
        self.entries: list[Entry] = []
        self.invalid: set[tuple[Kind, str]] = set()
        self.unreadable = False

    def item(self, kind: Kind, item: Any, place: KeyPath, defaults: Layer, readable: bool, line: int) -> None:
        """An entry of a list. ``readable``: whether the lists and defaults around it could be read."""
        self._entries_left -= 1
        if self._entries_left < 0:
            message = f"the file declares more than {MAX_ENTRIES:,} jobs, queues and nodes"
            raise TooMuch(place, message, SPLIT)
        name = _identity(kind, item)
        if name is None:
            self.unreadable = True
            if isinstance(item, dict) and item.get("id") is None:
                message = f"this {kind} needs an `id`"
                hint = key_hint("id", self._rules.entry_schema(kind)["properties"]["id"])
                finding = Finding(path=place, code="missing_key", message=message, hint=hint)
                self._problems.report("error", finding)
                return
        elif not readable:
            self.invalid.add((kind, name))
            return
        match kind:
            case "job":
                self.job(item, place, defaults, line)
            case "queue":
                self._queue(item, place, line)
            case _:
                self._node(item, place, line)

    def job(self, item: Any, place: KeyPath, defaults: Layer, line: int) -> None:
        """A job, whether alone in its file or in a list."""
        self._met(item, place, defaults)
        if defaults.values:
            self.size = self.size.plus(defaults.size)
            if (excess := self.size.excess) is not None:
                message = f"with its defaults for each job the file comes to {excess}"
                raise TooMuch(place, message, "shorten the defaults, or split the file")
        unset = self._rules.unset_by_null
        full = with_defaults(item, defaults.values, unset) if isinstance(item, dict) else item
        if not self._valid("job", full, place):
            if isinstance(full, dict) and not self._problems.is_full:
                self._check_rest(full, place)
            return
        context = self._rules.context
        full, misplaced = of_its_type(item, full, self._rules.types)
        values, findings, effort, namespace = build_job(full, context, self._names)
        findings += misplaced
        self._effort_left -= effort
        if self._effort_left < 0:
            message = "too many schedules of this file seldom occur, and finding that out takes too long"
            raise TooMuch((*place, "schedule"), message, f"exclude less, or {SPLIT}")
        text = encode(values)
        if "\\u0000" in text:
            findings += nul_findings(full)
        if self._rejected("job", full["id"], findings, place):
            return
        if values["timeout_ms"] is None:
            message = f"job `{full['id']}` has no `timeout`: a run that hangs is never ended"
            hint = "add `timeout: 1h`, or what fits"
            finding = Finding(path=(*place, "id"), code="no_timeout", message=message, hint=hint)
            self._problems.report("warning", finding)
        unmeant = [] if values["expect"] is None else unmeant_in(values, place)
        times = schedule_warnings(full, values, namespace, place, self._now)
        for finding in (*unmeant, *times, *edge_warnings(values, place), *variable_warnings(values, place)):
            self._problems.report("warning", finding)
        requires = tuple(requirements_of(values, context.project_root, place))
        self._enter("job", values["id"], text, line, requires, edges_in(values), traits_in(values))

    def _check_rest(self, full: dict[str, Any], place: KeyPath) -> None:
        """Tell what is wrong with the values of a job that the schema allows, where it forbids others.

        So all mistakes are told at once. What only together with the others would be one is left out.
        """
        validator = self._rules.validator("job")
        wrong = {each.path[0] for each in validator.findings(full, holds_float=self.holds_float) if each.path}
        rest = {key: value for key, value in full.items() if key not in wrong}
        rest.setdefault("id", "x")
        if not any(key in rest for key in self._rules.source_keys):
            rest["run"] = "x"
        if not validator.accepts(rest, holds_float=self.holds_float):
            return
        _, findings, effort, _ = build_job(rest, self._rules.context, self._names)
        self._effort_left -= effort
        self._report(place, [each for each in findings if each.code in _OF_ONE_VALUE])

    def _queue(self, item: Any, place: KeyPath, line: int) -> None:
        if not self._valid("queue", item, place):
            return
        values, findings = build_queue(item, self._rules.context, self._content)
        if values["payload_schema_file"] is not None:
            self.size = self.size.plus(Size(characters=len(values["payload_schema"] or "")))
            if (excess := self.size.excess) is not None:
                message = f"with the schemas that it names the file comes to {excess}"
                raise TooMuch((*place, "payload_schema"), message, SPLIT)
        if not self._rejected("queue", item["id"], findings, place):
            self._enter("queue", values["id"], encode(values), line, traits=traits_in(values))

    def _node(self, item: Any, place: KeyPath, line: int) -> None:
        if not self._valid("node", item, place):
            return
        values, findings = build_node(item, self._rules.context.project_root)
        name = node_key(item["kind"], item["id"])
        if not self._rejected("node", name, findings, place):
            self._enter("node", name, encode(values), line, traits=traits_in(values))

    def _enter(
        self,
        kind: Kind,
        entry_id: str,
        text: str,
        line: int,
        requires: tuple[Requirement, ...] = (),
        edges: tuple[Edge, ...] = (),
        traits: Traits = PLAIN,
    ) -> None:
        self.entries.append(
            Entry(
                kind=kind,
                id=entry_id,
                text=text,
                digest=spec_hash(text),
                line=line,
                scripts=tuple(each.file for each in requires if each.file is not None),
                requires=requires,
                edges=edges,
                traits=traits,
            )
        )

    def _valid(self, kind: Kind, value: Any, place: KeyPath) -> bool:
        validator = self._rules.validator(kind)
        if validator.accepts(value, holds_float=self.holds_float):
            return True
        if self._problems.is_full:
            # Explaining is slow, and would not be shown.
            hint = "mend those above, and look again"
            self._report(
                place, [Finding(path=(), code="invalid", message=f"this {kind} is invalid", hint=hint)]
            )
        else:
            findings = validator.findings(value, holds_float=self.holds_float)
            self._report(place, findings)
            if not findings:
                return True
        self._reject(kind, value)
        return False

    def _rejected(self, kind: Kind, name: str, findings: Sequence[Finding], place: KeyPath) -> bool:
        self._report(place, findings)
        if findings:
            self.invalid.add((kind, name))
        return bool(findings)

    def _reject(self, kind: Kind, value: Any) -> None:
        name = _identity(kind, value)
        if name is None:
            self.unreadable = True
        else:
            self.invalid.add((kind, name))

    def _report(self, place: KeyPath, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self._problems.report("error", finding._replace(path=(*place, *finding.path)))


def _identity(kind: Kind, item: Any) -> str | None:
    """What an entry would be called in the database; None if that cannot be read."""
    name = item.get("id") if isinstance(item, dict) else None
    if not isinstance(name, str) or not is_id(name):
        return None
    if kind != "node":
        return name
    node_kind = item.get("kind")
    return node_key(node_kind, name) if isinstance(node_kind, str) and node_kind in _NODE_KINDS else None


_NODE_KINDS: Final = frozenset(map(str, NodeKind))
