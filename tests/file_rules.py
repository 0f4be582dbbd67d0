"""The rules about files and what is printed: how they are opened, where they are asked, who shows texts.

A rule is a function from a module's source to what breaks it, as in ``architecture_rules.py``.
"""

import ast
import re
from collections.abc import Iterator

from import_rules import Module, aliases, dotted, literal

OUTSIDE_METHODS = frozenset({"read_text", "read_bytes", "write_text", "write_bytes"})

BESIDE_SCRIPTS = ("sources", "execute", "reconcile", "runs", "runner", "views", "api")
"""These work in the runner, on files that scripts and people may replace by a pipe or a link."""

OPEN_WHAT_THE_SYSTEM_MAKES = ("api.peer_owner", "execute.local.processes", "execute.local.starter_main")
"""They read /proc and devices."""

MODE = re.compile("[rwax][bt+]{0,2}")


def files_opened_elsewhere(module: Module) -> Iterator[str]:
    """Beside scripts, files are opened by ``regular_files`` alone, which waits for nothing."""
    if not module.within(*BESIDE_SCRIPTS) or module.within(*OPEN_WHAT_THE_SYSTEM_MAKES):
        return
    names = dict(aliases(module)) | {"open": "open"}
    for node in module.nodes:
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        by_mode = called == "open" and any(MODE.fullmatch(literal(word, "")) for word in node.args)
        if by_mode or called in OUTSIDE_METHODS or dotted(node.func, names) in ("open", "io.open", "os.open"):
            yield f"{module.name}:{node.lineno}: opens a file that may be anything: {ast.unparse(node.func)}"


SHOW_TEXTS = ("cli.context", "cli.following", "cli.quick")
"""They print: what escapes the texts of others, and what prints the bytes of a log to those who want them.
The last one loads no library for it."""

PRINTING = ("print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write")


def printed_unescaped(module: Module) -> Iterator[str]:
    """Commands print by ``App`` and ``say``, which let no text of others steer the terminal."""
    if not module.within("cli") or module.within(*SHOW_TEXTS):
        return
    names = dict(aliases(module)) | {"print": "print"}
    for node in module.nodes:
        if isinstance(node, ast.Call) and dotted(node.func, names) in PRINTING:
            yield f"{module.name}:{node.lineno}: prints by itself: {ast.unparse(node.func)}"


IN_THE_LOOP = ("sources", "execute", "reconcile", "runs", "runner", "api", "service")
"""Rooms that have coroutines of the server."""

ASKS_A_FILE = re.compile(
    "os[.](?:stat|lstat|statvfs|access|open|listdir|scandir|mkdir|makedirs|unlink|remove|rename|replace|fsync"
    "|readlink|path[.](?:exists|isfile|isdir|islink|realpath|getsize|getmtime|samefile))"
)
ASKS_A_PATH = OUTSIDE_METHODS | frozenset(
    [
        "stat",
        "lstat",
        "exists",
        "is_file",
        "is_dir",
        "is_symlink",
        "iterdir",
        "glob",
        "rglob",
        "mkdir",
        "unlink",
        "rename",
        "touch",
    ]
)


def files_asked_in_coroutines(module: Module) -> Iterator[str]:
    """A file system may hang: a coroutine has a thread ask it. What it calls is not seen by this."""
    if not module.within(*IN_THE_LOOP):
        return
    names = dict(aliases(module)) | {"open": "open"}
    for coroutine in ast.walk(module.tree):
        if isinstance(coroutine, ast.AsyncFunctionDef):
            for call in _calls_at_once(coroutine):
                name = dotted(call.func, names)
                by_path = isinstance(call.func, ast.Attribute) and call.func.attr in ASKS_A_PATH
                if name == "open" or by_path or ASKS_A_FILE.fullmatch(name):
                    yield f"{module.name}:{call.lineno}: asks a file in the loop: {ast.unparse(call.func)}"


def _calls_at_once(node: ast.AST) -> Iterator[ast.Call]:
    """The calls in a function that are made when it runs, not those of functions that it makes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _calls_at_once(child)
