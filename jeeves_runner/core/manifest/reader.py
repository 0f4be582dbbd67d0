"""One manifest: bytes in, specs and problems out. Nothing here raises for what a file may hold."""

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

from jeeves_runner.core.manifest.budget import Size
from jeeves_runner.core.manifest.context import Layer, ProjectContext, combine
from jeeves_runner.core.manifest.entries import LISTS, EntryReader, Met, TooMuch
from jeeves_runner.core.manifest.file_result import FileResult
from jeeves_runner.core.manifest.payload_schemas import Content
from jeeves_runner.core.manifest.problem_list import MOST_PROBLEMS, ProblemList
from jeeves_runner.core.manifest.rules import LATER, ManifestRules
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
from jeeves_runner.core.namespaces import BY_ID, Namespaces
from jeeves_runner.core.problem import Finding, KeyPath, Problem
from jeeves_runner.core.schedule import schedule
from jeeves_runner.core.values import ID_WORDS, is_id
from jeeves_runner.core.wording import brief, did_you_mean, shown
from jeeves_runner.errors import InvalidValue

_NO_DEFAULTS: Final = Layer({}, Size())


def _no_file(path: str) -> bytes:
    """Where there is only the manifest."""
    raise InvalidValue("the file is not read here", hint="write the schema itself")


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
        names: Namespaces = BY_ID,
        content: Content = _no_file,
        met: Met = _unheard,
    ) -> FileResult:
        """The result for the manifest at ``path`` (relative to the project root, with ``/``).

        ``defaults`` are the folders' layers, outermost first. ``now``, an aware time, is for warnings of
        what is to come; it decides on nothing else. ``names`` says by which namespaces the
        times of jobs are spread. ``content`` reads the files of payload schemas. ``met`` hears of each job, a
        wrong one too.
        """
        return _FileReader(self.rules, path, data, defaults, now, names, content, met).result()

    def read_defaults(self, path: str, data: bytes) -> tuple[Layer | None, list[Problem]]:
        """The layer of a ``_defaults.yaml``; None with the reasons when it is broken."""
        return _FileReader(self.rules, path, data, ()).defaults_layer()

    def warm_up(self) -> None:
        """Load now what reading may need beyond this module: forks then have it already."""
        schedule.warm_up()

    def locate(self, data: bytes, paths: Iterable[KeyPath]) -> Places:
        """Where these things stand in a manifest that has been read without an error."""
        return locate(decode(data), paths)


class _FileReader:
    """Reads one file. Lines and columns cost a second parse, which only a problem makes necessary."""

    def __init__(
        self,
        rules: ManifestRules,
        path: str,
        data: bytes,
        defaults: Sequence[Layer],
        now: datetime | None = None,
        names: Namespaces = BY_ID,
        content: Content = _no_file,
        met: Met = _unheard,
    ) -> None:
        self._rules = rules
        self._path = path
        self._data = data
        self._text = ""
        self._defaults = defaults
        self._problems = ProblemList(path)
        self._entries = EntryReader(rules, self._problems, now, met, names, content)

    def result(self) -> FileResult:
        document = self._parse()
        try:
            broken = document is None or not self._read_document(document)
        except TooMuch as error:
            self._problems = ProblemList(self._path)  # others may have filled it
            self._problems.report("error", error.finding)
            self._entries.entries.clear()
            broken = True
        return FileResult(
            path=self._path,
            entries=tuple(self._entries.entries),
            problems=tuple(self._problems.all(self._locate, self._text)),
            broken=broken,
            invalid=frozenset(self._entries.invalid),
            unreadable=self._entries.unreadable,
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
        self._entries.holds_float = document.holds_float
        self._entries.size = document.size
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
        if any(key in value for key in self._rules.list_keys):
            return self._read_lists(value, document)
        if any(key in value for key in self._rules.source_keys) or not self._misspelt_lists(value):
            self._single_job(value)
        return True

    def _declares_nothing(self, value: Mapping[str, Any]) -> None:
        """It may be half saved, or have lost its lists; an empty list would say that there is nothing."""
        nothing = nothing_declared()
        if value:
            message = "the file holds `defaults:` and no list of jobs, queues or nodes"
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
                self._entries.unreadable = True
                return
            value = {"id": stem, **value}
        self._entries.job(value, (), self._layers(), 1)

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
        for key, kind in LISTS:
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
                self._entries.item(kind, item, (key, n), defaults, readable, lines[n])
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

    def _layer(self, value: Any, document: YamlDocument) -> Layer | None:
        value = {} if value is None else value
        findings = self._rules.validator("defaults").findings(value, holds_float=self._entries.holds_float)
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
                self._entries.unreadable = True
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
