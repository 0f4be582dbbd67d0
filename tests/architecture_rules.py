"""The rules of the program's shape: who may import whom, and what stands in one place only.

Each is a function from a module's source to what breaks it; ``test_architecture.py`` applies them to the
sources and proves that every one of them is able to fail.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = "jeeves_runner"
MAX_LINES = 400

WORDS = ("", "errors", "clock", "core.model")
"""The words of the domain; the empty name is the package itself, which holds its version."""

TEXTS = (
    "core.wording",
    "core.problem",
    "core.durations",
    "core.instants",
    "core.values",
    "core.params",
    "core.specs",
)
"""Small modules of the core that read, check and write texts and values. All rooms use them; each may use
those before it."""

CORE = (*WORDS, *TEXTS, "core.schedule", "core.manifest", "core")
SETTINGS = (*CORE, "schemas_text", "config")
ADAPTERS = ("sources", "db", "execute", "notify")
WORKERS = ("reconcile", "runs", "runner")
WORKING = (*SETTINGS, *ADAPTERS, *WORKERS, "views")

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    **{word: WORDS[:place] for place, word in enumerate(WORDS)},
    **{text: (*WORDS, *TEXTS[:place]) for place, text in enumerate(TEXTS)},
    "core.schedule": (*WORDS, *TEXTS),
    "core.manifest": (*WORDS, *TEXTS, "core.schedule"),
    "core": CORE[:-1],
    "schemas_text": WORDS,
    "config": SETTINGS[:-1],
    **dict.fromkeys(ADAPTERS, CORE),
    "client": (*CORE, "db"),
    "reconcile": (*SETTINGS, *ADAPTERS),
    "runs": (*CORE, "db", "execute"),
    "runner": (*SETTINGS, *ADAPTERS, "reconcile", "runs"),
    "views": (*CORE, "config", "db"),
    "api": WORKING,
    "dashboard": (*WORKING, "api"),
    "service": (*WORKING, "api", "dashboard"),
    "cli": (*WORKING, "client", "service"),
    "__main__": ("cli",),
}
"""Each room, from the lowest up, with the rooms it may import; every room may import itself.

A module belongs to the room of the longest name that it begins with: ``core.plan`` to ``core``, and
``core.schedule.cron`` to ``core.schedule``. The adapters do not list one another. That the modules of one
room form no circle either is a rule of its own.
"""

OUTSIDE_WORLD = tuple(
    """
    aiohttp apsw asyncio click fcntl ftplib getpass glob http importlib io linecache locale logging
    mmap multiprocessing os pathlib pickle platform queue random rich secrets select selectors shelve shutil
    signal slack_sdk socket sqlite3 ssl subprocess sys tempfile threading time urllib watchfiles
    """.split()  # noqa: SIM905
)
"""What the core may not import: each reads or changes something outside the values it is given."""

OUTSIDE_CALLS = frozenset({"open", "print", "input", "exec", "eval", "breakpoint", "__import__"})
OUTSIDE_METHODS = frozenset({"read_text", "read_bytes", "write_text", "write_bytes"})

LOADS_BY_NAME = ("cli.main",)
"""The command line loads its commands by name; elsewhere such an import would hide from these rules."""

CLOCKS = {
    "time": re.compile(
        r"(time|monotonic|perf_counter|process_time|thread_time|clock_gettime)(_ns)?|(local|gm|c)time"
    ),
    "os": re.compile("times"),
    "datetime.datetime": re.compile("now|utcnow|today"),
    "datetime.date": re.compile("today"),
}

STATEMENT = re.compile(
    r"""\s*(?:
        SELECT\b.*\b(?:FROM|EXISTS|changes|last_insert_rowid)\b
      | SELECT\s+(?:\d|\w+\s*,?\s*$)
      | (?:INSERT|REPLACE)\s+(?:OR\s+\w+\s+)?INTO\s
      | UPDATE\s+(?:OR\s+\w+\s+)?["\w]+\s+SET\s
      | DELETE\s+FROM\s+["\w]+\s*(?:WHERE\b|;|$)
      | WITH\s+(?:RECURSIVE\s+)?\w+\s*(?:\(.*\))?\s+AS\s*\(
      | (?:CREATE|DROP|ALTER)\s+(?:UNIQUE\s+|TEMP\s+|VIRTUAL\s+)*(?:TABLE|INDEX|TRIGGER|VIEW)\s
      | (?:PRAGMA|SAVEPOINT|RELEASE|ATTACH)\s+\w+\s*(?:[=(;]|$)
      | (?-i:BEGIN|COMMIT|ROLLBACK|VACUUM)(?:\s+(?:IMMEDIATE|EXCLUSIVE|DEFERRED))?\s*(?:;|$)
    )""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
SQL_CLOCK = re.compile(r"'now'|\bCURRENT_(?:TIMESTAMP|DATE|TIME)\b|\bunixepoch\(\s*\)", re.IGNORECASE)


DOCUMENTED = frozenset(
    """
    JobSpec QueueSpec Retries Secret Commit Problem Finding
    Plan Change Held FileRecord Declaration LiveRow HoldReasons GuardFacts FieldChange Live Delta
    Config SyncConfig LogConfig ProjectContext Requirement Entry FileResult
    PlannerSetup ManifestInput Applied ApplyOptions SyncStatus SourceFile Snapshot
    """.split()  # noqa: SIM905
)
"""Types that cross rooms: each of their fields has a line below it that says what it holds."""


@dataclass(frozen=True)
class Module:
    """One source file. ``name`` is relative to the package: ``core.plan``; the package itself is empty."""

    name: str
    source: str
    is_package: bool = False

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    def within(self, *prefixes: str) -> bool:
        return any(self.name == prefix or self.name.startswith(prefix + ".") for prefix in prefixes)


def modules() -> list[Module]:
    found = []
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
        if parts[0] == "templates":
            continue
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        found.append(Module(name, path.read_text(encoding="utf-8"), is_package))
    return found


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything imported, in functions and for types alone as well."""
    return ((node.lineno, name) for node, name in _import_nodes(module))


def _import_nodes(module: Module) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            yield from ((node, f"{base}.{alias.name}") for alias in node.names)


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    here = [PACKAGE, *module.name.split(".")] if module.name else [PACKAGE]
    up = node.level - 1 if module.is_package else node.level
    return ".".join([*here[: len(here) - up], *([node.module] if node.module else [])])


def own_imports(module: Module) -> Iterator[tuple[int, str]]:
    """Line and name of every module of ours that is imported; of what does not exist, the name as written."""
    for line, name in imports(module):
        yield from ((line, own) for own in _own(name))


def _own(name: str) -> Iterator[str]:
    """The module of ours that an imported name stands for, or stands in."""
    first, _, rest = name.partition(".")
    if first == PACKAGE:
        yield rest if rest in NAMES or rest in MAY_IMPORT else rest.rpartition(".")[0]


def room_of(name: str) -> str | None:
    """The room a module belongs to; None when nobody has given it one."""
    parts = name.split(".")
    prefixes = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in MAY_IMPORT), None)


def imports_out_of_bounds(module: Module) -> Iterator[str]:
    """A room imports what MAY_IMPORT allows it, and nothing else."""
    here = room_of(module.name)
    if here is None:
        yield f"{module.name}: it belongs to no room; give it one in MAY_IMPORT"
        return
    for line, target in own_imports(module):
        there = room_of(target)
        if there is None:
            yield f"{module.name}:{line}: {target} belongs to no room"
        elif there != here and there not in MAY_IMPORT[here]:
            yield f"{module.name}:{line}: {here or PACKAGE} may not import {target}"


def circles(module: Module) -> Iterator[str]:
    """No module needs itself to be loaded, by whatever detour; imports in functions count.

    Imports for the type checker do not: they are never made.
    """
    graph = IMPORTED | {module.name: _imported_when_run(module)}
    path_to = {target: [module.name, target] for target in graph[module.name]}
    waiting = list(path_to)
    for name in waiting:
        if name == module.name:
            yield f"{module.name}: imports itself: {' -> '.join(path_to[name])}"
            return
        for target in graph.get(name, frozenset()) - path_to.keys():
            path_to[target] = [*path_to[name], target]
            waiting.append(target)


def _imported_when_run(module: Module) -> frozenset[str]:
    for_types = {
        id(node)
        for condition in ast.walk(module.tree)
        if isinstance(condition, ast.If) and ast.unparse(condition.test).endswith("TYPE_CHECKING")
        for statement in condition.body
        for node in ast.walk(statement)
    }
    return frozenset(
        own for node, name in _import_nodes(module) if id(node) not in for_types for own in _own(name)
    )


def clock_reads(module: Module) -> Iterator[str]:
    """Anything that names a function telling the time, outside ``clock``."""
    if module.name == "clock":
        return
    aliases = dict(_aliases(module))
    for node in ast.walk(module.tree):
        if isinstance(node, (ast.Name, ast.Attribute)):
            owner, _, name = _dotted(node, aliases).rpartition(".")
            if owner in CLOCKS and CLOCKS[owner].fullmatch(name):
                yield f"{module.name}:{node.lineno}: reads the clock by {owner}.{name}"


def _aliases(module: Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _dotted(node: ast.AST, aliases: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return aliases.get(node.id, "")
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value, aliases)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def texts(module: Module) -> Iterator[tuple[int, str]]:
    """String literals (f-strings by their first words too) that are no docstrings."""
    docstrings = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(_literal(part) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def _literal(part: ast.expr) -> str:
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "value"


def sql_outside_db(module: Module) -> Iterator[str]:
    if not module.within("db"):
        for line, text in texts(module):
            if STATEMENT.match(text):
                yield f"{module.name}:{line}: holds SQL: {' '.join(text.split())[:60]}"


def clock_in_sql(module: Module) -> Iterator[str]:
    """SQLite must not tell the time either: a transaction has one reading, passed in."""
    if module.within("db"):
        for line, text in texts(module):
            if SQL_CLOCK.search(text):
                yield f"{module.name}:{line}: lets SQLite read the clock"


def io_in_core(module: Module) -> Iterator[str]:
    if not module.within("core", "errors"):
        return
    for line, name in imports(module):
        if name.startswith("pathlib.Pure"):
            continue
        if any(name == world or name.startswith(world + ".") for world in OUTSIDE_WORLD):
            yield f"{module.name}:{line}: the core imports {name}"
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in OUTSIDE_CALLS:
                yield f"{module.name}:{node.lineno}: the core calls {name}()"
            case ast.Call(func=ast.Attribute(attr=name)) if name in OUTSIDE_METHODS:
                yield f"{module.name}:{node.lineno}: the core calls {name}()"


def imports_by_name(module: Module) -> Iterator[str]:
    """No rule sees what is imported by a text."""
    if module.within(*LOADS_BY_NAME):
        return
    aliases = dict(_aliases(module)) | {"__import__": "__import__"}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and _dotted(node.func, aliases) in (
            "__import__",
            "importlib.import_module",
            "importlib.__import__",
        ):
            yield f"{module.name}:{node.lineno}: imports by name"


def libraries_out_of_place(module: Module) -> Iterator[str]:
    """Libraries with one home, so that one room knows their traps; and sqlite3, which has none."""
    for line, name in imports(module):
        library = name.split(".")[0]
        if library in ("croniter", "dateutil") and not re.match(r"core\.(schedule|cron|rrule)", module.name):
            yield f"{module.name}:{line}: {library} belongs behind core.schedule"
        if library == "sqlite3":
            yield f"{module.name}:{line}: a second SQLite in the process drops the first one's locks"


def apsw_outside_db(module: Module) -> Iterator[str]:
    """Elsewhere a connection is passed on, so its type may be named; it is opened and used in db alone."""
    if module.within("db"):
        return
    yield from (
        f"{module.name}:{line}: imports {name}" for line, name in imports(module) if name.startswith("apsw.")
    )
    called = {id(node.func) for node in ast.walk(module.tree) if isinstance(node, ast.Call)}
    for node in ast.walk(module.tree):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            continue
        if node.value.id == "apsw" and (node.attr != "Connection" or id(node) in called):
            yield f"{module.name}:{node.lineno}: uses apsw.{node.attr}"


def undocumented_fields(module: Module) -> Iterator[str]:
    """A field without a text below it, in a type that crosses rooms."""
    for node in ast.walk(module.tree):
        if not (isinstance(node, ast.ClassDef) and node.name in DOCUMENTED):
            continue
        for field, below in zip_longest(node.body, node.body[1:]):
            if isinstance(field, ast.AnnAssign) and not _is_text(below):
                yield f"{module.name}:{field.lineno}: {node.name}.{ast.unparse(field.target)} has no text"


def _is_text(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and bool(node.value.value)


def too_long(module: Module) -> Iterator[str]:
    lines = len(module.source.splitlines())
    if lines > MAX_LINES:
        yield f"{module.name}: {lines} lines; {MAX_LINES} are what one sitting takes"


ALL = modules()
NAMES = frozenset(module.name for module in ALL)
IMPORTED = {module.name: _imported_when_run(module) for module in ALL}

Rule = Callable[[Module], Iterator[str]]
RULES: tuple[Rule, ...] = (
    imports_out_of_bounds,
    circles,
    clock_reads,
    sql_outside_db,
    clock_in_sql,
    io_in_core,
    imports_by_name,
    libraries_out_of_place,
    apsw_outside_db,
    undocumented_fields,
    too_long,
)
