"""The rules about imports: each room imports what is below it, and no module needs itself.

A rule is a function from a module's source to what breaks it, as in ``architecture_rules.py``.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = "jeeves_runner"

WORDS = (
    "",
    "errors",
    "clock",
    "core.origin",
    "core.schedule_entry",
    "core.edge_spec",
    "core.alert_spec",
    "core.session_spec",
    "core.model",
    "core.queue_spec",
    "core.node_spec",
    "core.run",
)
"""The words of the domain; the empty name is the package itself, which holds its version."""

TEXTS = (
    "core.wording",
    "core.problem",
    "core.manifest_text",
    "core.durations",
    "core.instants",
    "core.values",
    "core.namespaces",
    "core.urls",
    "core.expressions",
    "core.prompt_filters",
    "core.prompt_mistakes",
    "core.prompt_template",
    "core.prompt",
    "core.params",
    "core.payload_schema",
    "core.causes",
    "core.specs",
    "core.spec_texts",
)
"""Small modules of the core that read, check and write texts and values. All rooms use them; each may use
those before it."""

CORE = (*WORDS, *TEXTS, "core.schedule", "core.alerts", "core.manifest", "core.graph", "core")
FLOOR = (*CORE, "access", "regular_files", "side_thread", "troubles", "unreachable")
SETTINGS = (
    *FLOOR,
    "schemas_text",
    "config_path",
    "config_zone",
    "config_plain",
    "config_settings",
    "config_kinds",
    "config_secrets",
    "config_gateway",
    "config_notifications",
    "config_api",
    "config_file",
    "config",
    "config_change",
)
ADAPTERS = ("sources", "db", "execute", "notify")
WORKERS = ("reconcile", "runs", "runner")
WORKING = (*SETTINGS, *ADAPTERS, *WORKERS, "metrics", "views")

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    **{word: WORDS[:place] for place, word in enumerate(WORDS)},
    **{text: (*WORDS, *TEXTS[:place]) for place, text in enumerate(TEXTS)},
    "core.schedule": (*WORDS, *TEXTS),
    "core.alerts": (*WORDS, *TEXTS, "core.schedule"),
    "core.manifest": (*WORDS, *TEXTS, "core.schedule", "core.alerts"),
    "core.graph": (*WORDS, *TEXTS, "core.schedule", "core.alerts"),
    "core": CORE[:-1],
    "access": WORDS,
    "regular_files": WORDS,
    "side_thread": WORDS,
    "troubles": WORDS,
    "unreachable": WORDS,
    "schemas_text": WORDS,
    **{room: SETTINGS[:place] for place, room in enumerate(SETTINGS) if place > len(FLOOR)},
    **dict.fromkeys(ADAPTERS, FLOOR),
    "client": (*FLOOR, "db"),
    "reconcile": (*SETTINGS, *ADAPTERS),
    "runs": (*FLOOR, "db", "execute"),
    "executors": (*SETTINGS, "execute"),
    "channels": (*SETTINGS, "notify"),
    "runner": (*SETTINGS, *ADAPTERS, "reconcile", "runs"),
    "metrics": (*FLOOR, "db", "reconcile"),
    "views": (*FLOOR, "config_settings", "config_api", "config", "config_change", "db"),
    "api": WORKING,
    "dashboard": (*WORKING, "api"),
    "measuring": WORKING[:-1],
    "telling": (*WORKING[:-1], "channels"),
    "service": (*WORKING, "api", "dashboard", "executors", "measuring", "telling"),
    "server_process": (*WORKING, "service"),
    "cli": (*WORKING, "client", "channels", "executors", "server_process"),
    "__main__": ("cli",),
}
"""Each room, from the lowest up, with the rooms it may import; every room may import itself.

A module belongs to the room of the longest name that it begins with: ``core.plan`` to ``core``, and
``core.schedule.cron`` to ``core.schedule``. The adapters do not list one another. That the modules of one
room form no circle either is a rule of its own.
"""


@dataclass(frozen=True)
class Module:
    """One source file. ``name`` is relative to the package: ``core.plan``; the package itself is empty."""

    name: str
    source: str
    is_package: bool = False

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All of the tree, which most rules go through."""
        return tuple(ast.walk(self.tree))

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
    for node in module.nodes:
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
    """The room a module belongs to; None when it was given none."""
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
    graph = imported() | {module.name: _imported_when_run(module)}
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
        for condition in module.nodes
        if isinstance(condition, ast.If) and ast.unparse(condition.test).endswith("TYPE_CHECKING")
        for statement in condition.body
        for node in ast.walk(statement)
    }
    return frozenset(
        own for node, name in _import_nodes(module) if id(node) not in for_types for own in _own(name)
    )


def aliases(module: Module) -> Iterator[tuple[str, str]]:
    for node in module.nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def dotted(node: ast.AST, aliases: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return aliases.get(node.id, "")
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value, aliases)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


ALL = modules()
NAMES = frozenset(module.name for module in ALL)


@cache
def imported() -> dict[str, frozenset[str]]:
    """What each module imports. Found when it is first needed: each worker of a test run loads this file."""
    return {module.name: _imported_when_run(module) for module in ALL}


def literal(part: ast.expr, otherwise: str = "value") -> str:
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else otherwise


LOADS_BY_NAME = ("cli.main",)
"""The command line loads its commands by name; elsewhere such an import would hide from these rules."""


def imports_by_name(module: Module) -> Iterator[str]:
    """No rule sees what is imported by a text."""
    if module.within(*LOADS_BY_NAME):
        return
    names = dict(aliases(module)) | {"__import__": "__import__"}
    for node in module.nodes:
        if isinstance(node, ast.Call) and dotted(node.func, names) in (
            "__import__",
            "importlib.import_module",
            "importlib.__import__",
        ):
            yield f"{module.name}:{node.lineno}: imports by name"


def libraries_out_of_place(module: Module) -> Iterator[str]:
    """Libraries with one home, so that one room knows their traps; and sqlite3, which has none."""
    for line, name in imports(module):
        library = name.split(".")[0]
        if library in ("croniter", "dateutil") and not module.within("core.schedule"):
            yield f"{module.name}:{line}: {library} belongs behind core.schedule"
        if library == "sqlite3":
            yield f"{module.name}:{line}: a second SQLite in the process drops the first one's locks"


OF_ALL_SOURCES = ("sources.contract", "sources.names", "sources.stamps", "sources.git_command")
"""What holds for every kind of source; the other modules below ``sources`` know one kind each."""


def kinds_of_sources(module: Module) -> Iterator[str]:
    """Which kinds of source there are is known in one place; all else goes by the contract."""
    if module.within("sources", "reconcile.setup"):
        return
    for line, name in own_imports(module):
        if name.startswith("sources.") and name not in OF_ALL_SOURCES:
            yield f"{module.name}:{line}: knows a kind of source: {name}"


def apsw_outside_db(module: Module) -> Iterator[str]:
    """Elsewhere a connection is passed on, so its type may be named; it is opened and used in db alone."""
    if module.within("db"):
        return
    yield from (
        f"{module.name}:{line}: imports {name}" for line, name in imports(module) if name.startswith("apsw.")
    )
    called = {id(node.func) for node in module.nodes if isinstance(node, ast.Call)}
    for node in module.nodes:
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            continue
        if node.value.id == "apsw" and (node.attr != "Connection" or id(node) in called):
            yield f"{module.name}:{node.lineno}: uses apsw.{node.attr}"
