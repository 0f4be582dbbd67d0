"""The rules of the program's shape: who may import whom, and what stands in one place only.

Each is a function from a module's source to what breaks it; ``test_architecture.py`` applies them to the
sources and proves that every one of them is able to fail.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = "jeeves_runner"
MAX_LINES = 400

#: Floors, by the longest matching prefix below the package. Imports go down only; on an adapter's floor
#: nobody imports a neighbour. The client stands aside: it may import the domain and the database.
FLOORS = {
    "": 0,
    "errors": 0,
    "clock": 0,
    "core.model": 0,
    "core": 1,
    "schemas_text": 1,
    "config": 2,
    "sources": 2,
    "db": 2,
    "execute": 2,
    "notify": 2,
    "client": 2,
    "reconcile": 3,
    "runs": 3,
    "runner": 3,
    "api": 4,
    "dashboard": 4,
    "cli": 4,
    "views": 4,
    "service": 4,
    "__main__": 4,
}
ADAPTERS = 2
SIDEWAYS = {("client", "db")}
ABOVE_THE_CLIENT = 4

#: What the core may not touch: each of these reads or changes something outside the values it is given.
OUTSIDE_WORLD = tuple(
    """
    aiohttp apsw asyncio click fcntl ftplib getpass glob http importlib io linecache locale logging
    mmap multiprocessing os pathlib pickle platform queue random rich secrets select selectors shelve shutil
    signal slack_sdk socket sqlite3 ssl subprocess sys tempfile threading time urllib watchfiles
    """.split()  # noqa: SIM905
)
OUTSIDE_CALLS = frozenset({"open", "print", "input", "exec", "eval", "breakpoint", "__import__"})
OUTSIDE_METHODS = frozenset({"read_text", "read_bytes", "write_text", "write_bytes"})

#: The command line loads its commands by name; elsewhere such an import would be hidden from these rules.
LOADS_BY_NAME = ("cli.main",)

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


@dataclass(frozen=True)
class Module:
    """One source file. ``name`` is relative to the package: ``core.plan``; the package itself is empty."""

    name: str
    source: str
    is_package: bool = False

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def room(self) -> str:
        return self.name.split(".")[0]

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


ALL = modules()
NAMES = frozenset(module.name for module in ALL)


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything imported, in functions and for types alone as well."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    here = [PACKAGE, *module.name.split(".")] if module.name else [PACKAGE]
    up = node.level - 1 if module.is_package else node.level
    return ".".join([*here[: len(here) - up], *([node.module] if node.module else [])])


def own_imports(module: Module) -> Iterator[tuple[int, str]]:
    """Imports of our own modules, each as a name of ``NAMES`` (or what else was written)."""
    for line, name in imports(module):
        first, _, rest = name.partition(".")
        if first == PACKAGE:
            owner = rest.rpartition(".")[0]
            yield line, rest if rest in NAMES or rest in FLOORS else owner


def floor(name: str) -> int | None:
    """The floor of a module; None when nobody has given it one."""
    if not name:
        return FLOORS[""]
    parts = name.split(".")
    prefixes = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((FLOORS[prefix] for prefix in prefixes if prefix in FLOORS), None)


def upward_imports(module: Module) -> Iterator[str]:
    here = floor(module.name)
    if here is None:
        yield f"{module.name}: it stands on no floor; give it one in FLOORS"
        return
    for line, target in own_imports(module):
        there = floor(target)
        if there is None:
            yield f"{module.name}:{line}: {target} stands on no floor"
        elif there > here:
            yield f"{module.name}:{line}: imports {target} from above (floor {here} from {there})"


def sideways_imports(module: Module) -> Iterator[str]:
    """An adapter knows no other adapter, and only the top knows the client."""
    here = floor(module.name)
    for line, target in own_imports(module):
        room = target.split(".")[0]
        if floor(target) != ADAPTERS or room == module.room:
            continue
        if here == ADAPTERS and (module.room, room) not in SIDEWAYS:
            yield f"{module.name}:{line}: imports its neighbour {target}"
        elif room == "client" and here is not None and here < ABOVE_THE_CLIENT:
            yield f"{module.name}:{line}: imports the scripts' client"


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
    """What is imported by a text no rule sees."""
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


def too_long(module: Module) -> Iterator[str]:
    lines = len(module.source.splitlines())
    if lines > MAX_LINES:
        yield f"{module.name}: {lines} lines; {MAX_LINES} are what one sitting takes"


Rule = Callable[[Module], Iterator[str]]
RULES: tuple[Rule, ...] = (
    upward_imports,
    sideways_imports,
    clock_reads,
    sql_outside_db,
    clock_in_sql,
    io_in_core,
    imports_by_name,
    libraries_out_of_place,
    apsw_outside_db,
    too_long,
)
