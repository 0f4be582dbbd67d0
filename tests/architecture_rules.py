"""The rules of the program's shape: who may import whom, and what stands in one place only.

Each is a function from a module's source to what breaks it; ``test_architecture.py`` applies them to the
sources and proves that every one of them is able to fail. Those about imports are in ``import_rules.py``,
those about files in ``file_rules.py``.
"""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import zip_longest

from file_rules import OUTSIDE_METHODS, files_asked_in_coroutines, files_opened_elsewhere, printed_unescaped
from import_rules import (
    ALL,
    Module,
    aliases,
    apsw_outside_db,
    circles,
    dotted,
    imports,
    imports_by_name,
    imports_out_of_bounds,
    kinds_of_sources,
    libraries_out_of_place,
    literal,
)

MAX_LINES = 400

OUTSIDE_WORLD = tuple(
    """
    aiohttp apsw asyncio click fcntl ftplib getpass glob http importlib io linecache locale logging
    mmap multiprocessing os pathlib pickle platform queue random rich secrets select selectors shelve shutil
    signal slack_sdk socket sqlite3 ssl subprocess sys tempfile threading time urllib watchfiles
    """.split()  # noqa: SIM905
)
"""What the core may not import: each reads or changes something outside the values it is given."""

OUTSIDE_CALLS = frozenset({"open", "print", "input", "exec", "eval", "breakpoint", "__import__"})

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
      | (?-i:BEGIN|ROLLBACK|VACUUM)(?:\s+(?:IMMEDIATE|EXCLUSIVE|DEFERRED))?\s*(?:;|$)
      | (?-i:COMMIT)\s*;  # by itself it heads the column of a table: no transaction ends that has not begun
    )""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
SQL_CLOCK = re.compile(r"'now'|\bCURRENT_(?:TIMESTAMP|DATE|TIME)\b|\bunixepoch\(\s*\)", re.IGNORECASE)


ID_FORM = "[a-z0-9][a-z0-9"
ACTIVE_RUNS = re.compile(r"IN \(('scheduled', 'running'|'running', 'scheduled')\)")
BAD_WORDS = {"error", "timeout", "interrupted"}

DOCUMENTED = frozenset(
    """
    JobSpec QueueSpec Retries Secret Commit Allowance CommitRange Problem Finding
    Plan Change Held WaitingFile Moved FileRecord Declaration LiveRow HoldReasons FieldChange
    Live Delta Edits Confirmed GuardFacts Refusal Withheld
    Config ConfigChange SyncConfig LogConfig ProjectContext Requirement Entry FileResult
    PlannerSetup ManifestInput Applied ApplyOptions SyncStatus SourceFile Snapshot
    Run Exited Finished Lost Outcome Request Facts Decision PausedTime LeftOut GapPlan Due
    JobRow TimetableRow RunnerRow LeftRun Occurrence RunRequest RunRecord
    Surroundings Report Arrival LeftOutRow Attempt Launch LocalHandle RunFacts
    """.split()  # noqa: SIM905
)
"""Types that cross rooms: each of their fields has a line below it that says what it holds.

So has each field of the types in ``DOCUMENTS``.
"""

JSON_SCHEMAS = ("api.parameters", "api.bodies", "api.body_kinds", "api.shapes", "api.openapi")
"""JSON Schema has names of its own."""

CAMEL_CASE = re.compile("[a-z]+[a-z0-9]*[A-Z][A-Za-z0-9]*")

DOCUMENTS = ("views", "db.job_list", "db.run_list", "api.v0.documents", "api.v0.config")
"""Where the types stand of what HTTP answers and ``--json`` prints."""

UNTYPED = re.compile(r"\b(?:[dD]ict|Mapping|MutableMapping)\[str, (?:typing\.)?Any\]")
"""A document of which nothing is said."""


def clock_reads(module: Module) -> Iterator[str]:
    """Anything that names a function telling the time, outside ``clock`` and the starter, a program of its
    own that imports nothing of this one."""
    if module.name in ("clock", "execute.local.starter_main"):
        return
    names = dict(aliases(module))
    for node in module.nodes:
        if isinstance(node, (ast.Name, ast.Attribute)):
            owner, _, name = dotted(node, names).rpartition(".")
            if owner in CLOCKS and CLOCKS[owner].fullmatch(name):
                yield f"{module.name}:{node.lineno}: reads the clock by {owner}.{name}"


def texts(module: Module) -> Iterator[tuple[int, str]]:
    """String literals (f-strings by their first words too) that are no docstrings."""
    docstrings = {id(node.value) for node in module.nodes if isinstance(node, ast.Expr)}
    for node in module.nodes:
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(literal(part) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


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


TRIGGER_WORD = re.compile(r"\btrigger\s*(?:=|<>|!=|IS|(?:NOT\s+)?IN)\s*\(?\s*'", re.IGNORECASE)
RUNS_WRITTEN = re.compile(r"\b(?:(?:INSERT|REPLACE)\s+(?:OR\s+\w+\s+)?INTO|UPDATE)\s+runs\b", re.I)
#: How runs enter, go on and end, and what is forgotten of those that have ended.
WRITE_RUNS = (
    "db.run_entries",
    "db.run_requests",
    "db.claims",
    "db.run_progress",
    "db.run_ends",
    "db.run_late",
    "db.run_retention",
    "db.run_withdrawal",
    "db.lateness",
)


def trigger_words_in_sql(module: Module) -> Iterator[str]:
    """What a trigger means stands in the model, and once in the schema as ``runs.is_occurrence``."""
    for line, text in texts(module):
        if TRIGGER_WORD.search(text):
            yield f"{module.name}:{line}: compares triggers with words"


def id_forms_elsewhere(module: Module) -> Iterator[str]:
    """What an id looks like is ``core.values.ID_PATTERN``."""
    if module.name != "core.values":
        for line, text in texts(module):
            if ID_FORM in text:
                yield f"{module.name}:{line}: writes the form of ids anew"


def bad_outcomes_elsewhere(module: Module) -> Iterator[str]:
    """Which outcomes count as failures is ``core.model.BAD``."""
    if module.name == "core.model":
        return
    for line, text in texts(module):
        if all(f"'{word}'" in text for word in BAD_WORDS):
            yield f"{module.name}:{line}: lists the bad outcomes in SQL"
    for node in module.nodes:
        match node:
            case (
                ast.Dict(keys=members)
                | ast.Set(elts=members)
                | ast.Tuple(elts=members)
                | ast.List(elts=members)
            ):
                if {_word(member) for member in members} >= BAD_WORDS:
                    yield f"{module.name}:{node.lineno}: lists the bad outcomes"


def active_runs_elsewhere(module: Module) -> Iterator[str]:
    """Which runs have not ended is ``db.run_states.ACTIVE``, word for word as the index of them has it."""
    if module.name != "db.run_states":
        for line, text in texts(module):
            if ACTIVE_RUNS.search(text):
                yield f"{module.name}:{line}: says anew which runs have not ended"


def _word(node: ast.expr | None) -> str | None:
    """The word of a literal, or of a status such as ``RunStatus.ERROR``."""
    if isinstance(node, ast.Attribute):
        return node.attr.lower()
    return str(node.value) if isinstance(node, ast.Constant) else None


def sentences_said_elsewhere(module: Module) -> Iterator[str]:
    """What is said to people has one wording: a sentence of another module is taken from there."""
    for line, text in sentences(module):
        others = sorted(said_by().get(text, set()) - {module.name})
        if others:
            yield f"{module.name}:{line}: says the same as {', '.join(others)}: {text}"


def sentences(module: Module) -> Iterator[tuple[int, str]]:
    """Texts of four words and more that are no docstrings and no SQL; a value within is ``{}``."""
    skipped = {id(node.value) for node in module.nodes if isinstance(node, ast.Expr)}
    for node in module.nodes:  # an f-string comes before its parts
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in ast.walk(node)}
            text = "".join(literal(part, "{}") for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        words = [word for word in text.replace("{}", " ").split() if word.isalpha()]
        if len(words) >= 4 and not STATEMENT.match(text):
            yield node.lineno, text.strip().rstrip(".;:,")


def runs_written_elsewhere(module: Module) -> Iterator[str]:
    """One way in, and one place where runs end."""
    if not module.within(*WRITE_RUNS):
        for line, text in texts(module):
            if RUNS_WRITTEN.search(text):
                yield f"{module.name}:{line}: writes runs"


def io_in_core(module: Module) -> Iterator[str]:
    if not module.within("core", "errors"):
        return
    for line, name in imports(module):
        if name.startswith(("pathlib.Pure", "urllib.parse.")):
            continue
        if any(name == world or name.startswith(world + ".") for world in OUTSIDE_WORLD):
            yield f"{module.name}:{line}: the core imports {name}"
    for node in module.nodes:
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in OUTSIDE_CALLS:
                yield f"{module.name}:{node.lineno}: the core calls {name}()"
            case ast.Call(func=ast.Attribute(attr=name)) if name in OUTSIDE_METHODS:
                yield f"{module.name}:{node.lineno}: the core calls {name}()"


def errors_elsewhere(module: Module) -> Iterator[str]:
    """Every kind of error stands in ``errors``: the tables of exit codes and statuses are held to that."""
    if module.name != "errors":
        names = dict(aliases(module))
        for node in module.nodes:
            if isinstance(node, ast.ClassDef) and any(
                dotted(base, names).startswith("jeeves_runner.errors.") for base in node.bases
            ):
                yield f"{module.name}:{node.lineno}: a kind of error of its own"


def undocumented_fields(module: Module) -> Iterator[str]:
    """A field without a text below it, in a type that crosses rooms."""
    for node in module.nodes:
        if not (isinstance(node, ast.ClassDef) and (node.name in DOCUMENTED or module.within(*DOCUMENTS))):
            continue
        for field, below in zip_longest(node.body, node.body[1:]):
            if isinstance(field, ast.AnnAssign) and not (_is_text(below) or _is_setting(field)):
                yield f"{module.name}:{field.lineno}: {node.name}.{ast.unparse(field.target)} has no text"


def _is_setting(field: ast.AnnAssign) -> bool:
    """Whether the annotation holds what kind of setting this is, which says what it sets."""
    return isinstance(field.annotation, ast.Subscript) and ast.unparse(field.annotation.value) == "Annotated"


def _is_text(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and bool(node.value.value)


def untyped_documents(module: Module) -> Iterator[str]:
    """Documents have types, so that everybody knows what they hold; any JSON value is an ``object``."""
    if module.within("views", "api"):
        for node in module.nodes:
            if isinstance(node, ast.Subscript) and UNTYPED.fullmatch(ast.unparse(node)):
                yield f"{module.name}:{node.lineno}: {ast.unparse(node)} says nothing of the document"


def camel_case_names(module: Module) -> Iterator[str]:
    """The fields of all documents are in snake_case, but for those that the original had."""
    if module.within(*DOCUMENTS, "api", "cli") and not module.within(*JSON_SCHEMAS, "api.v0"):
        for node in module.nodes:
            for line, name in _names_of_fields(node):
                if CAMEL_CASE.fullmatch(name):
                    yield f"{module.name}:{line}: {name} is not in snake_case"


def _names_of_fields(node: ast.AST) -> Iterator[tuple[int, str]]:
    """The keys of a dict that is written out, and the fields of a class."""
    match node:
        case ast.Dict(keys=keys):
            for key in keys:
                if isinstance(key, ast.Constant):
                    yield key.lineno, str(key.value)
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield node.lineno, name


def too_long(module: Module) -> Iterator[str]:
    lines = len(module.source.splitlines())
    if lines > MAX_LINES:
        yield f"{module.name}: {lines} lines; {MAX_LINES} are what one sitting takes"


@cache
def said_by() -> dict[str, set[str]]:
    """Each sentence of the sources, with the modules that say it."""
    found: dict[str, set[str]] = {}
    for module in ALL:
        for _, sentence in sentences(module):
            found.setdefault(sentence, set()).add(module.name)
    return found


Rule = Callable[[Module], Iterator[str]]
RULES: tuple[Rule, ...] = (
    imports_out_of_bounds,
    circles,
    clock_reads,
    sql_outside_db,
    clock_in_sql,
    trigger_words_in_sql,
    id_forms_elsewhere,
    bad_outcomes_elsewhere,
    active_runs_elsewhere,
    sentences_said_elsewhere,
    runs_written_elsewhere,
    io_in_core,
    files_opened_elsewhere,
    printed_unescaped,
    files_asked_in_coroutines,
    imports_by_name,
    libraries_out_of_place,
    kinds_of_sources,
    apsw_outside_db,
    errors_elsewhere,
    undocumented_fields,
    untyped_documents,
    camel_case_names,
    too_long,
)
