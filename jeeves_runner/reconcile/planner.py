"""From a source and what is live to a plan. It reads files and never opens the database,
so that it can work in a process of its own while the runner's event loop stays free.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Any, Literal

from jeeves_runner.clock import Clock, SystemClock, to_text
from jeeves_runner.core.difference import diff
from jeeves_runner.core.edge_spec import Traits
from jeeves_runner.core.inheritance import Patterns
from jeeves_runner.core.live import Live
from jeeves_runner.core.manifest.context import ProjectContext
from jeeves_runner.core.manifest.file_result import FileResult
from jeeves_runner.core.manifest.payload_schemas import Content
from jeeves_runner.core.manifest.problem_list import ProblemList
from jeeves_runner.core.manifest.yaml_places import Places
from jeeves_runner.core.namespaces import Namespaces
from jeeves_runner.core.plan import Declaration, FileRecord, HoldReasons, Key, Plan
from jeeves_runner.core.problem import Finding, Problem
from jeeves_runner.core.renaming import renames
from jeeves_runner.execute.local.requirement_check import fault_of
from jeeves_runner.reconcile.doubles import double_ids, nodes_of_their_own
from jeeves_runner.reconcile.folder_defaults import FolderDefaults, waiting_manifests
from jeeves_runner.reconcile.graph_checks import GraphChecks, Looked
from jeeves_runner.reconcile.machine import Check, Machine
from jeeves_runner.reconcile.parallel_reader import ManifestInput, ParallelReader, check_declared
from jeeves_runner.reconcile.schema_files import SchemaFiles, file_content
from jeeves_runner.sources.contract import Snapshot, Source, Trace
from jeeves_runner.sources.stamps import FileStamp


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannerSetup:
    """What a planner works with; a plain value, so that it can be sent to another process."""

    source: Source
    """Where the manifests come from."""
    schema: Mapping[str, Any]
    """The JSON Schema of manifests."""
    context: ProjectContext
    """What every manifest is read with."""
    runners: tuple[tuple[str, str], ...]
    """``(extension, command)`` as configured; they decide which scripts can be run."""
    inherit_env: Patterns
    """Which variables of the runner's environment jobs may inherit."""
    version: str
    """The program's version: another one may read the same manifests differently."""
    processes: int = 1
    """How many may read manifests at once."""
    checks: Literal["warn", "error"] = "warn"
    """Whether what checks across manifests warn of is an error."""

    @property
    def salt(self) -> bytes:
        """All that gives a manifest its meaning besides its text and the defaults above it."""
        context = self.context._asdict() | {"pools": sorted(self.context.pools)}
        return repr((self.version, *context.values())).encode()

    @property
    def digest(self) -> str:
        """Differs between two setups that may read the same manifests differently."""
        return blake2b(self.salt, digest_size=16).hexdigest()


class Planner:
    """Computes plans for one source under one config.

    ``trace``: what the last look left. ``recheck``: the scripts and prompts in which it met a fault, and the
    files of payload schemas, with what stood there. A change there may mend the fault, or change a queue.
    """

    def __init__(
        self,
        setup: PlannerSetup,
        trace: Trace = None,
        check: Check = fault_of,
        clock: Clock | None = None,
        content: Content = file_content,
    ) -> None:
        """``trace``: what the look before left, where a planner takes the place of another. ``check`` says
        what is wrong with what a job requires. ``content`` reads the files of payload schemas."""
        self._setup = setup
        self._clock = clock or SystemClock()
        self._check = check
        self._content = content
        self._reader = ParallelReader(setup.schema, setup.context, setup.processes)
        self._graph = GraphChecks(setup.context.timezone, is_strict=setup.checks == "error")
        self.trace = trace
        self.recheck: dict[str, FileStamp] = {}

    def plan(self, live: Live, names: Namespaces | None = None) -> Plan:
        """Look at the source and compare; SourceError when it cannot be looked at."""
        return self.compare(self._setup.source.look(), live, names)

    def follow(self, live: Live, now: float) -> Plan:
        """The same for those who look again and again: the look before says which manifests have to wait.

        ``now`` is monotonic.
        """
        source = self._setup.source
        return self.compare(source.weigh(source.look(), self.trace, now), live)

    def compare(self, snapshot: Snapshot, live: Live, names: Namespaces | None = None) -> Plan:
        """What was seen, against what is live. ``names``: the namespaces of jobs, where these are known
        although nothing is to be compared with them; else they are as ``live`` says."""
        machine = Machine(dict(self._setup.runners), self._check)
        defaults = FolderDefaults(snapshot, self._reader, self._setup.salt)
        root = self._setup.context.project_root
        schemas = SchemaFiles(self._content)
        named = names or live.names()
        look = _Look(self._reader, root, machine, schemas, self._graph, live, named, self._clock.now())
        plan = replace(look.plan(snapshot, defaults), inherit_env=self._setup.inherit_env)
        self.trace = snapshot.trace
        self.recheck = machine.faulty_files | schemas.stamps
        return plan


class _Look:
    """One computation of a plan; the fields gather what the files say."""

    def __init__(
        self,
        reader: ParallelReader,
        root: str,
        machine: Machine,
        schemas: SchemaFiles,
        graph: GraphChecks,
        live: Live,
        names: Namespaces,
        now: datetime,
    ) -> None:
        self._names = names
        self._now = now
        self._graph = graph
        self._reader = reader
        self._root = root.rstrip(os.sep) + os.sep
        self._machine = machine
        self._schemas = schemas
        self._live = live
        self._problems: list[Problem] = []
        self._declared: dict[Key, Declaration] = {}
        self._held_keys: dict[Key, str] = {}
        self._invalid: dict[Key, str] = {}
        self._held_files: dict[str, str] = {}
        self._faulty: set[str] = set()
        self._read: dict[str, bytes] = {}

    def plan(self, snapshot: Snapshot, defaults: FolderDefaults) -> Plan:
        self._problems += [*snapshot.unreadable, *defaults.problems]
        self._hold_unreadable(snapshot.unreadable)
        stale = self._stale_files()
        unchanged: set[str] = set()
        manifests: list[ManifestInput] = []
        digests: list[str] = []
        fingerprint = blake2b(digest_size=16)
        for file in snapshot.files:
            above = defaults.above(file.path)
            if above.broken is not None:
                self._held_files[file.path] = f"{above.broken} is broken"
                self._faulty.add(file.path)
                continue
            digest = blake2b(file.data, digest_size=16, key=above.key).hexdigest()
            fingerprint.update(f"{file.path}\0{digest}\0".encode())
            record = self._live.files.get(file.path)
            if record is not None and record.digest == digest and file.path not in stale:
                unchanged.add(file.path)
                self._problems += record.problems
            else:
                found = (file.path, file.data, above.layers, self._now, self._names, self._schemas.content)
                manifests.append(ManifestInput(*found))
                self._read[file.path] = file.data
                digests.append(digest)
        results = self._reader.read(manifests)
        kept = sum(row.size for row in self._live.rows.values() if row.file in unchanged)
        check_declared(kept + sum(result.size for result in results))
        for result in results:
            self._take(result)
        self._declare(results)
        self._refuse_doubles(results, unchanged)
        plan = self._finish(snapshot, list(zip(results, digests, strict=True)), unchanged)
        return replace(plan, fingerprint=fingerprint.hexdigest())

    def _hold_unreadable(self, problems: Iterable[Problem]) -> None:
        """A folder that cannot be walked holds every row from below it."""
        for problem in problems:
            below = problem.file + "/"
            for row in self._live.rows.values():
                if row.file == problem.file or row.file.startswith(below):
                    self._held_files[row.file] = problem.message

    def _stale_files(self) -> set[str]:
        """Known files to be read again although their text is the same: a row of theirs was changed, added
        or deleted by hand, or names a script or prompt that cannot be used now, or a schema that is another
        one now; or what was said of them is true no longer, and something else may be."""
        counts: dict[str, int] = {}
        stale: set[str] = set()
        for row in self._live.rows.values():
            counts[row.file] = counts.get(row.file, 0) + 1
            if row.drifted or not self._has_its_schema(row.traits):
                stale.add(row.file)
        stale.update(
            path for path, record in self._live.files.items() if counts.get(path, 0) != record.entries
        )
        now = to_text(self._now)
        stale.update(
            path
            for path, record in self._live.files.items()
            if any(p.until is not None and p.until <= now for p in record.problems)
        )
        for script, file in self._live.scripts():
            if self._machine.file_fault(script) is not None:
                stale.add(file)
        return stale

    def _has_its_schema(self, traits: Traits) -> bool:
        file = traits.payload_schema_file
        return file is None or self._schemas.holds(file, traits.payload_schema)

    def _take(self, result: FileResult) -> None:
        invalid = dict.fromkeys(result.invalid, _why_invalid(result))
        problems = [*result.problems, *self._unmet(result, invalid)]
        first = next((p for p in problems if p.is_error), None)
        if first is not None:
            self._faulty.add(result.path)
        if first is not None and (result.broken or result.unreadable):
            self._held_files[result.path] = _placed(first)
        self._problems += problems
        self._held_keys.update(invalid)
        for key, why in invalid.items():
            self._invalid[key] = f"{result.path} declares it and is not valid: {why}"

    def _unmet(self, result: FileResult, invalid: dict[Key, str]) -> list[Problem]:
        """What the entries of a file require and cannot have; entries for which that is an error become
        ``invalid``.

        A file with such an entry is read again at the next look: the fault may go while its text stays.
        """
        problems = ProblemList(result.path)
        for entry in result.entries:
            for required in entry.requires:
                fault = self._machine.fault(required)
                if fault is None:
                    continue
                self._faulty.add(result.path)
                is_file = required.kind in ("script", "prompt_file", "cwd")
                is_ours = is_file and required.ref.startswith(self._root)
                finding = Finding(
                    path=required.place,
                    code=required.kind if is_file else "secret",
                    message=fault.message
                    if required.key == "script"
                    else f"`{required.key}`: {fault.message}",
                    hint=fault.hint,
                )
                problems.report("error" if is_ours else "warning", finding)
                if is_ours:
                    invalid[entry.kind, entry.id] = finding.message
        return problems.all(lambda paths: self._reader.locate(self._read[result.path], paths))

    def _declare(self, results: Iterable[FileResult]) -> None:
        for result in results:
            for entry in result.entries:
                self._declared[entry.kind, entry.id] = Declaration(
                    kind=entry.kind,
                    id=entry.id,
                    digest=entry.digest,
                    file=result.path,
                    line=entry.line,
                    text=entry.text,
                    scripts=entry.scripts,
                    edges=entry.edges,
                    traits=entry.traits,
                )

    def _refuse_doubles(self, results: Iterable[FileResult], unchanged: set[str]) -> None:
        found = double_ids(results, self._live.rows, unchanged)
        self._problems += found.problems
        self._faulty |= found.files
        self._held_keys.update(found.held)
        hold = HoldReasons(keys=self._held_keys, files=self._held_files)
        named = nodes_of_their_own(self._declared, self._live.rows, hold, unchanged)
        self._problems += named.problems
        self._faulty |= named.files
        self._held_keys.update(named.held)

    def _judge_renames(self, hold: HoldReasons, unchanged: set[str]) -> dict[str, str]:
        """The jobs that get another id; what is wrong with the others becomes a problem. A file with one that
        waits is read again at the next look."""
        found = renames(self._declared, self._live.rows, hold, unchanged)
        problems: dict[str, ProblemList] = {}
        for each in found.refused:
            finding = Finding(path=(), code="rename", message=each.message, hint=each.hint)
            several = problems.setdefault(each.file, ProblemList(each.file))
            several.report(each.severity, finding, at=(each.line, 1))
            if each.holds is not None:
                self._faulty.add(each.file)
                self._held_keys.setdefault(("job", each.holds), each.message)
        for several in problems.values():
            self._problems += several.all(lambda _: Places(()))
        return found.carried

    def _check_graph(self, is_walked: bool, unchanged: set[str], carried: dict[str, str]) -> None:
        """What is wrong across manifests. That of which it is an error keeps its last good spec, and a job
        its id."""
        found = self._graph.look(
            Looked(
                live=self._live.rows,
                declared=self._declared,
                held=self._held_keys,
                held_files=self._held_files,
                unchanged=unchanged,
                carried=carried,
                is_readable=is_walked and not self._held_files,
                is_whole=not any(p.is_error for p in self._problems),
                now=self._now,
            )
        )
        self._problems += found.problems
        for key, message in found.holds.items():
            if key in self._declared:
                self._faulty.add(self._declared[key].file)
            old = carried.pop(key[1], key[1]) if key[0] == "job" else key[1]
            for each in {key, (key[0], old)}:
                self._held_keys.setdefault(each, message)

    def _finish(self, snapshot: Snapshot, parsed: list[tuple[FileResult, str]], unchanged: set[str]) -> Plan:
        live = self._live
        hold = HoldReasons(keys=self._held_keys, files=self._held_files)
        carried = self._judge_renames(hold, unchanged)
        self._check_graph(not snapshot.unreadable, unchanged, carried)
        complete = not any(p.is_error for p in self._problems)
        plan = diff(self._declared, live.rows, hold, unchanged=unchanged, carried=carried, complete=complete)
        # What is remembered is not read again: of such a file nothing may be held, or wait to be deleted.
        unsettled = {row.file for row in plan.held} | {live.rows[key].file for key in plan.suspended}
        records = tuple(
            FileRecord(path=r.path, digest=digest, entries=len(r.entries), problems=tuple(r.problems))
            for r, digest in parsed
            if r.path not in self._faulty
            and r.path not in unsettled
            and not any((entry.kind, entry.id) in self._held_keys for entry in r.entries)
        )
        remembered = unchanged | {record.path for record in records}
        return replace(
            plan,
            waiting=tuple(waiting_manifests(snapshot)),
            base=live.base,
            invalid={key: told for key, told in self._invalid.items() if key not in live.rows},
            problems=tuple(sorted(self._true_ones(), key=lambda p: (p.file, p.line, p.column))),
            declared=self._counts(unchanged),
            manifests=len(snapshot.files) + len(snapshot.unreadable),
            files=records,
            forgotten=tuple(path for path in live.files if path not in remembered),
        )

    def _counts(self, unchanged: set[str]) -> dict[str, int]:
        """How much of each kind is declared."""
        counts = Counter(kind for kind, _ in self._declared)
        counts.update(kind for (kind, _), row in self._live.rows.items() if row.file in unchanged)
        return dict(counts)

    def _true_ones(self) -> Iterator[Problem]:
        """The problems of now; of those that were read long ago some may have become true since."""
        now = to_text(self._now)
        for problem in self._problems:
            if problem.is_true(now):
                yield problem if problem[-2:] == (None, None) else problem._replace(since=None, until=None)


def _why_invalid(result: FileResult) -> str:
    """Why the invalid entries of a file are held. Which problem is whose is not known: the first is told."""
    first = next((p for p in result.problems if p.is_error), None)
    if first is None:
        return "its manifest is invalid"
    several = "" if len(result.invalid) == 1 else "its manifest has several invalid entries, the first at "
    return f"{several}{_placed(first)}"


def _placed(problem: Problem) -> str:
    """What is wrong, with its line and what to do about it."""
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"line {problem.line}: {problem.message}{hint}"
