"""One manifest: bytes in, specs and problems out. Nothing here raises for what a file may hold."""

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

from jeeves_runner.core.manifest.alerts import unmeant_in
from jeeves_runner.core.manifest.budget import MAX_EFFORT, MAX_ENTRIES, SPLIT, Size
from jeeves_runner.core.manifest.build import build_job, build_queue, nul_findings
from jeeves_runner.core.manifest.context import Layer, ProjectContext, combine, with_defaults
from jeeves_runner.core.manifest.file_result import Entry, FileResult, Kind
from jeeves_runner.core.manifest.problem_list import MOST_PROBLEMS, ProblemList
from jeeves_runner.core.manifest.requirements import Requirement, requirements_of
from jeeves_runner.core.manifest.rules import LATER, ManifestRules
from jeeves_runner.core.manifest.schedules import schedule_warnings
from jeeves_runner.core.manifest.sessions import of_its_type
from jeeves_runner.core.manifest.validation import unsupported_key
from jeeves_runner.core.manifest.yaml_places import Places
from jeeves_runner.core.manifest.yaml_text import (
    YamlDocument,
    YamlError,
    decode,
    load,
    locate,
    nothing_declared,
)
from jeeves_runner.core.problem import Finding, KeyPath, Problem
from jeeves_runner.core.schedule import schedule
from jeeves_runner.core.spec_texts import encode, spec_hash
from jeeves_runner.core.values import ID_WORDS, is_id
from jeeves_runner.core.wording import brief, did_you_mean, shown

_NO_DEFAULTS: Final = Layer({}, Size())

_LATER_LISTS: Final = ("nodes",)

_LISTS: Final[tuple[tuple[str, Kind], ...]] = (("jobs", "job"), ("queues", "queue"))


Met = Callable[[Any, KeyPath, Layer], None]
"""Hears of a job as its file has it, of the way to it from the top of that, and of all its defaults."""


def _unheard(item: Any, place: KeyPath, defaults: Layer) -> None:
    """Nothing is done with it."""


class ManifestReader:
    """Reads manifests by one schema. Making one compiles the schema, so one is made for all of them."""

    def __init__(self, schema: Mapping[str, Any], context: ProjectContext) -> None:
        self.rules = ManifestRules(schema, context)

    def read(
        self,
        path: str,
        data: bytes,
        defaults: Sequence[Layer] = (),
        now: datetime | None = None,
        met: Met = _unheard,
    ) -> FileResult:
        """The result for the manifest at ``path`` (relative to the project root, with ``/``).

        ``defaults`` are the folders' layers, outermost first. ``now``, an aware time, is for warnings of
        what is to come; it decides on nothing else. ``met`` hears of each job, a wrong one too.
        """
        return _FileReader(self.rules, path, data, defaults, now, met).result()

    def read_defaults(self, path: str, data: bytes) -> tuple[Layer | None, list[Problem]]:
        """The layer of a ``_defaults.yaml``; None with the reasons when it is broken."""
        return _FileReader(self.rules, path, data, ()).defaults_layer()

    def warm_up(self) -> None:
        """Load now what reading may need beyond this module: forks then have it already."""
        schedule.warm_up()

    def locate(self, data: bytes, paths: Iterable[KeyPath]) -> Places:
        """Where these things stand in a manifest that has been read without an error."""
        return locate(decode(data), paths)


class _TooMuch(Exception):
    """The file comes to more than it may. Nothing is taken from it: a part is not what its author wrote."""

    def __init__(self, path: KeyPath, message: str, hint: str) -> None:
        super().__init__(message)
        self.finding = Finding(path=path, code="too_much", message=message, hint=hint)


class _FileReader:
    """Reads one file. Lines and columns cost a second parse, which only a problem makes necessary."""

    def __init__(
        self,
        rules: ManifestRules,
        path: str,
        data: bytes,
        defaults: Sequence[Layer],
        now: datetime | None = None,
        met: Met = _unheard,
    ) -> None:
        self._rules = rules
        self._now = now
        self._met = met
        self._path = path
        self._data = data
        self._text = ""
        self._defaults = defaults
        self._problems = ProblemList(path)
        self._entries: list[Entry] = []
        self._invalid: set[tuple[Kind, str]] = set()
        self._unreadable = False
        self._holds_float = False
        self._size = _NO_DEFAULTS.size
        self._entries_left = MAX_ENTRIES
        self._effort_left = MAX_EFFORT

    def result(self) -> FileResult:
        document = self._parse()
        try:
            broken = document is None or not self._read_document(document)
        except _TooMuch as error:
            self._problems = ProblemList(self._path)  # others may have filled it
            self._problems.report("error", error.finding)
            self._entries.clear()
            broken = True
        return FileResult(
            path=self._path,
            entries=tuple(self._entries),
            problems=tuple(self._problems.all(self._locate, self._text)),
            broken=broken,
            invalid=frozenset(self._invalid),
            unreadable=self._unreadable,
        )

    def defaults_layer(self) -> tuple[Layer | None, list[Problem]]:
        document = self._parse(if_empty="delete it, or write `defaults: {}`")
        if document is None:
            return None, self._problems.all(self._locate)
        value = document.value
        if not isinstance(value, dict) or set(value) != {"defaults"}:
            self._error((), "defaults", "this file holds one key, `defaults:`, and nothing else")
            return None, self._problems.all(self._locate)
        layer = self._layer(value["defaults"], document)
        return layer, self._problems.all(self._locate)

    def _parse(self, if_empty: str | None = None) -> YamlDocument | None:
        """The document; ``if_empty`` replaces the hint for an empty file, which speaks of jobs."""
        try:
            self._text = decode(self._data)
            document = load(self._text)
        except YamlError as error:
            hint = if_empty if if_empty and error.code == "empty" else error.hint
            finding = Finding(path=(), code=error.code, message=error.message, hint=hint)
            self._problems.report("error", finding, at=(error.line, error.column))
            return None
        self._holds_float = document.holds_float
        self._size = document.size
        return document

    def _read_document(self, document: YamlDocument) -> bool:
        """Read all entries; False when the file as a whole makes no sense."""
        value = document.value
        if not isinstance(value, dict):
            self._error(
                (),
                "wrong_value",
                f"a manifest is a mapping of keys, not {shown(value)}",
                "write `key: value` lines",
            )
            return False
        if not set(value) - {"defaults"}:
            self._declares_nothing(value)
            return False
        if any(key in value for key in (*self._rules.list_keys, *_LATER_LISTS)):
            return self._read_lists(value, document)
        if any(key in value for key in self._rules.source_keys) or not self._misspelt_lists(value):
            self._single_job(value)
        return True

    def _declares_nothing(self, value: Mapping[str, Any]) -> None:
        """It may be half saved, or have lost its lists; an empty list would say that there is nothing."""
        nothing = nothing_declared()
        if value:
            message = "the file holds `defaults:` and no list of jobs or queues"
            hint = "write `jobs: []` if there are to be none; defaults of a folder stand in `_defaults.yaml`"
            self._error(("defaults",), nothing.code, message, hint, at_key=True)
        else:
            self._error((), nothing.code, nothing.message, nothing.hint)

    def _misspelt_lists(self, value: Mapping[str, Any]) -> bool:
        """Whether the file means to hold lists, and has no list under its right name."""
        few = islice(value, MOST_PROBLEMS)  # a file of lists has few keys, and comparing names is slow
        misspelt = [key for key in few if self._rules.list_key_meant(key)]
        for key in misspelt:
            self._unknown_list_key(key)
        return bool(misspelt)

    def _single_job(self, value: dict[str, Any]) -> None:
        if "id" not in value:
            stem = posixpath.basename(self._path).rsplit(".", 1)[0]
            if not is_id(stem):
                message = f"`{brief(stem)}`, the file's name, cannot be the job's id"
                self._error(
                    (),
                    "wrong_value",
                    message,
                    f"write an `id:` of {ID_WORDS}",
                )
                self._unreadable = True
                return
            value = {"id": stem, **value}
        self._job(value, (), self._layers(), 1)

    def _read_lists(self, value: dict[str, Any], document: YamlDocument) -> bool:
        strange = [key for key in value if key not in self._rules.list_keys]
        for key in strange:
            self._unknown_list_key(key)
        # An unknown key may be a mistyped `defaults`: then every entry lacks what it says.
        readable = not strange
        defaults = self._layers()
        if "defaults" in value:
            own = self._layer(value["defaults"], document)
            readable = readable and own is not None
            defaults = self._layers(own)
        for key, kind in _LISTS:
            items = value.get(key, [])
            if not isinstance(items, list):
                self._error(
                    (key,),
                    "wrong_value",
                    f"`{key}` must be a list, not {shown(items)}",
                    "begin each entry with `- id: …`",
                )
                readable = False
                continue
            lines = document.item_lines.get(key) or self._line_of_alias(key, items)
            for n, item in enumerate(items):
                self._item(kind, item, (key, n), defaults, readable, lines[n])
        return readable

    def _layers(self, own: Layer | None = None) -> Layer:
        """The defaults of the folders and the file's own ones together."""
        layers = self._defaults if own is None else (*self._defaults, own)
        if not layers:
            return _NO_DEFAULTS
        size = Size()
        for layer in layers:
            size = size.plus(layer.size)
        return Layer(combine(layer.values for layer in layers), size, parts=tuple(layers))

    def _line_of_alias(self, key: str, items: Sequence[Any]) -> Sequence[int]:
        """Lines for the items of a list that an alias stands for: the alias's line for each."""
        return [self._locate([(key,)]).key_position((key,))[0]] * len(items) if items else ()

    def _item(
        self, kind: Kind, item: Any, place: KeyPath, defaults: Layer, readable: bool, line: int
    ) -> None:
        self._entries_left -= 1
        if self._entries_left < 0:
            message = f"the file declares more than {MAX_ENTRIES:,} jobs and queues"
            raise _TooMuch(place, message, SPLIT)
        name = item.get("id") if isinstance(item, dict) else None
        if not isinstance(name, str) or not is_id(name):
            self._unreadable = True
            if name is None and isinstance(item, dict):
                self._error(place, "missing_key", f"this {kind} needs an `id`")
                return
        elif not readable:
            self._invalid.add((kind, name))
            return
        if kind == "job":
            self._job(item, place, defaults, line)
        else:
            self._queue(item, place, line)

    def _job(self, item: Any, place: KeyPath, defaults: Layer, line: int) -> None:
        self._met(item, place, defaults)
        if defaults.values:
            self._size = self._size.plus(defaults.size)
            if (excess := self._size.excess) is not None:
                message = f"with its defaults for each job the file comes to {excess}"
                raise _TooMuch(place, message, "shorten the defaults, or split the file")
        unset = self._rules.unset_by_null
        full = with_defaults(item, defaults.values, unset) if isinstance(item, dict) else item
        if not self._valid("job", full, place):
            return
        context = self._rules.context
        full, misplaced = of_its_type(item, full, self._rules.types)
        values, findings, effort = build_job(full, context)
        findings += misplaced
        self._effort_left -= effort
        if self._effort_left < 0:
            message = "too many schedules of this file seldom occur, and finding that out takes too long"
            raise _TooMuch((*place, "schedule"), message, f"exclude less, or {SPLIT}")
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
        for finding in (*unmeant, *schedule_warnings(full, values, place, self._now)):
            self._problems.report("warning", finding)
        requires = tuple(requirements_of(values, context.project_root, place))
        self._enter("job", values["id"], text, line, requires)

    def _queue(self, item: Any, place: KeyPath, line: int) -> None:
        if not self._valid("queue", item, place):
            return
        values, findings = build_queue(item, self._rules.context.channels)
        if not self._rejected("queue", item["id"], findings, place):
            self._enter("queue", values["id"], encode(values), line)

    def _enter(
        self, kind: Kind, entry_id: str, text: str, line: int, requires: tuple[Requirement, ...] = ()
    ) -> None:
        self._entries.append(
            Entry(
                kind=kind,
                id=entry_id,
                text=text,
                digest=spec_hash(text),
                line=line,
                scripts=tuple(each.file for each in requires if each.file is not None),
                requires=requires,
            )
        )

    def _valid(self, kind: Kind, value: Any, place: KeyPath) -> bool:
        validator = self._rules.validator(kind)
        if validator.accepts(value, holds_float=self._holds_float):
            return True
        if self._problems.is_full:
            self._error(
                place, "invalid", f"this {kind} is invalid"
            )  # explaining is slow, and would not be shown
        else:
            findings = validator.findings(value, holds_float=self._holds_float)
            for finding in findings:
                self._add_finding(place, finding)
            if not findings:
                return True
        self._reject(kind, value)
        return False

    def _rejected(self, kind: Kind, name: str, findings: Sequence[Finding], place: KeyPath) -> bool:
        for finding in findings:
            self._add_finding(place, finding)
        if findings:
            self._invalid.add((kind, name))
        return bool(findings)

    def _reject(self, kind: Kind, value: Any) -> None:
        name = value.get("id") if isinstance(value, dict) else None
        if isinstance(name, str) and is_id(name):
            self._invalid.add((kind, name))
        else:
            self._unreadable = True

    def _layer(self, value: Any, document: YamlDocument) -> Layer | None:
        value = {} if value is None else value
        findings = self._rules.validator("defaults").findings(value, holds_float=self._holds_float)
        for finding in findings:
            self._add_finding(("defaults",), finding)
        return None if findings else Layer(value, document.of_defaults, self._path)

    def _unknown_list_key(self, key: str) -> None:
        if key in LATER:
            self._add_finding((), unsupported_key((key,)))
        else:
            message = f"unknown key `{brief(key)}`"
            hint = f"a file holds one job, or lists under {', '.join(self._rules.list_keys)}"
            if not self._problems.is_full and (meant := self._rules.list_key_meant(key)):
                hint = did_you_mean(f"`{meant}`")
                self._unreadable = True
            else:
                message += " beside a list of entries"
            self._error((key,), "unknown_key", message, hint, at_key=True)

    def _add_finding(self, place: KeyPath, finding: Finding) -> None:
        self._problems.report("error", finding._replace(path=(*place, *finding.path)))

    def _error(
        self, path: KeyPath, code: str, message: str, hint: str | None = None, *, at_key: bool = False
    ) -> None:
        finding = Finding(path=path, code=code, message=message, hint=hint, at_key=at_key)
        self._problems.report("error", finding)

    def _locate(self, paths: Iterable[KeyPath]) -> Places:
        return locate(self._text, paths)
