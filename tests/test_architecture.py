"""The sources keep the rules of ``architecture_rules.py`` and ``import_rules.py``, and each rule can fail."""

import ast
import subprocess
import sys

import pytest
from architecture_rules import (
    DOCUMENTED,
    MAX_LINES,
    RULES,
    SQL_CLOCK,
    Rule,
    active_runs_elsewhere,
    bad_outcomes_elsewhere,
    camel_case_names,
    clock_in_sql,
    clock_reads,
    errors_elsewhere,
    id_forms_elsewhere,
    io_in_core,
    runs_written_elsewhere,
    sentences_said_elsewhere,
    sql_outside_db,
    too_long,
    trigger_words_in_sql,
    undocumented_fields,
    untyped_documents,
)
from file_rules import files_asked_in_coroutines, files_opened_elsewhere, printed_unescaped
from import_rules import (
    ALL,
    MAY_IMPORT,
    PACKAGE,
    ROOT,
    Module,
    apsw_outside_db,
    circles,
    imports,
    imports_by_name,
    imports_out_of_bounds,
    kinds_of_sources,
    libraries_out_of_place,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_sources_keep(rule: Rule) -> None:
    assert [fault for module in ALL for fault in rule(module)] == []


def test_no_file_of_the_tests_is_too_long() -> None:
    files = [path for folder in ("tests", "benchmarks", "scripts") for path in (ROOT / folder).rglob("*.py")]
    assert files
    named = [Module(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in files]
    assert [fault for module in named for fault in too_long(module)] == []


def test_a_room_lists_only_what_is_below_it() -> None:
    order = {room: place for place, room in enumerate(MAY_IMPORT)}
    assert [
        (room, other)
        for room, others in MAY_IMPORT.items()
        for other in others
        if order[other] >= order[room]
    ] == []


def test_types_that_must_be_documented_exist() -> None:
    classes = [node.name for module in ALL for node in module.nodes if isinstance(node, ast.ClassDef)]
    assert [name for name in sorted(DOCUMENTED) if classes.count(name) != 1] == []


def test_migrations_do_not_read_the_clock() -> None:
    migrations = sorted((ROOT / PACKAGE / "db" / "migrations").glob("*.sql"))
    assert migrations
    assert [path.name for path in migrations if SQL_CLOCK.search(path.read_text(encoding="utf-8"))] == []


def test_scripts_never_open_sqlite_themselves() -> None:
    scripts = [
        Module(path.stem, path.read_text(encoding="utf-8")) for path in (ROOT / "scripts").glob("*.py")
    ]
    assert scripts
    assert [
        name for script in scripts for _, name in imports(script) if name.split(".")[0] in ("sqlite3", "apsw")
    ] == []


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        (
            "jeeves_runner.cli.main",
            "aiohttp apsw asyncio croniter jsonschema jsonschema_rs rich watchfiles yaml",
        ),
        (
            "jeeves_runner.client",
            "aiohttp click croniter jsonschema jsonschema_rs rich slack_sdk watchfiles yaml",
        ),
    ],
)
def test_what_starts_often_imports_little(module: str, heavy: str) -> None:
    program = f"import sys, {module}; print(*sorted(set(sys.modules) & set('{heavy}'.split())))"
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert answer.stdout.split() == []


BREAKS: list[tuple[Rule, str, str]] = [
    (imports_out_of_bounds, "core.plan", "from jeeves_runner.db import jobs"),
    (imports_out_of_bounds, "core.plan", "from ..config import Config"),
    (imports_out_of_bounds, "core.model", "from jeeves_runner.core.problem import Problem"),
    (imports_out_of_bounds, "core.wording", "from jeeves_runner.core.plan import Plan"),
    (imports_out_of_bounds, "core.schedule.cron", "from jeeves_runner.core.manifest import reader"),
    (imports_out_of_bounds, "core.manifest.build", "from jeeves_runner.core.plan import Plan"),
    (imports_out_of_bounds, "config", "from jeeves_runner.sources.names import SUFFIXES"),
    (imports_out_of_bounds, "db.jobs", "def f() -> None:\n    from jeeves_runner.reconcile import apply"),
    (imports_out_of_bounds, "db.jobs", "from jeeves_runner.sources.folder.source import FolderSource"),
    (imports_out_of_bounds, "execute.local", "from jeeves_runner import config"),
    (imports_out_of_bounds, "client.http", "from jeeves_runner.execute import local"),
    (imports_out_of_bounds, "runs", "import jeeves_runner.api.server"),
    (imports_out_of_bounds, "runs", "from jeeves_runner.client import Client"),
    (imports_out_of_bounds, "runs", "from jeeves_runner.reconcile.apply import apply_plan"),
    (imports_out_of_bounds, "api.reading", "from jeeves_runner.cli.render import table"),
    (imports_out_of_bounds, "views.jobs", "from jeeves_runner.execute.output import log_read"),
    (imports_out_of_bounds, "attic", "import os"),
    (circles, "core.wording", "from jeeves_runner.core.wording import brief"),
    (circles, "core.wording", "from jeeves_runner.core.durations import Span"),
    (circles, "core.wording", "def f() -> None:\n    import jeeves_runner.core.durations"),
    (circles, "clock", "from jeeves_runner.service import Service"),
    (kinds_of_sources, "reconcile.planner", "from jeeves_runner.sources.folder import walk"),
    (kinds_of_sources, "service", "from jeeves_runner.sources.folder.source import FolderSource"),
    (clock_reads, "core.plan", "from datetime import datetime\nx = datetime.now()"),
    (clock_reads, "runs", "import datetime as dt\nx = dt.datetime.utcnow()"),
    (clock_reads, "runs", "from datetime import date\nx = date.today"),
    (clock_reads, "db.jobs", "import time\nx = time.monotonic()"),
    (clock_reads, "scheduler", "from time import perf_counter as tick\nx = tick()"),
    (sql_outside_db, "runs", "x = 'SELECT id FROM runs'"),
    (sql_outside_db, "api.server", "x = f'update {table} set a = 1'"),
    (sql_outside_db, "cli.jobs", "conn.execute('''\n  INSERT OR IGNORE INTO state VALUES (?)''')"),
    (sql_outside_db, "cli.jobs", "x = 'PRAGMA data_version'"),
    (sql_outside_db, "reconcile", "x = 'BEGIN IMMEDIATE'"),
    (trigger_words_in_sql, "db.jobs", "x = f\"WHERE id = 1 AND trigger NOT IN ('schedule')\""),
    (trigger_words_in_sql, "runs.due", "x = \"trigger = 'manual'\""),
    (id_forms_elsewhere, "db.queues", "x = r'[a-z0-9][a-z0-9_]*'"),
    (bad_outcomes_elsewhere, "views.jobs", "x = {'error', 'timeout', 'interrupted', 'missed'}"),
    (bad_outcomes_elsewhere, "cli.rows", "x = {'error': 1, 'timeout': 1, 'interrupted': 1}"),
    (bad_outcomes_elsewhere, "runs.ends", "x = (S.ERROR, S.TIMEOUT, S.INTERRUPTED)"),
    (bad_outcomes_elsewhere, "db.jobs", "x = \"status IN ('error', 'timeout', 'interrupted')\""),
    (active_runs_elsewhere, "db.jobs", "x = \"SELECT 1 FROM runs WHERE status IN ('scheduled', 'running')\""),
    (sentences_said_elsewhere, "cli.jobs", "raise NotFound(f'there is no job {name}')"),
    (sentences_said_elsewhere, "execute.engine", "x = f'the script does not exist: {path}'"),
    (runs_written_elsewhere, "db.jobs", "x = \"UPDATE runs SET status = 'ok'\""),
    (runs_written_elsewhere, "cli.runs", "x = 'INSERT INTO runs (id) VALUES (1)'"),
    (clock_in_sql, "db.jobs", "x = \"UPDATE jobs SET updated_at = datetime('now')\""),
    (io_in_core, "core.manifest", "import os.path"),
    (io_in_core, "core.manifest", "from pathlib import Path"),
    (io_in_core, "core.manifest", "x = open('a').read()"),
    (io_in_core, "core.policy", "def f() -> None:\n    import subprocess"),
    (io_in_core, "core.manifest", "def f(p): return p.read_text()"),
    (io_in_core, "core.plan", "import importlib\nimportlib.reload"),
    (files_asked_in_coroutines, "runner.disk", "import os\nasync def f(): os.statvfs('/')"),
    (files_asked_in_coroutines, "runs.disk", "async def f(path):\n    if g(path.stat()): ..."),
    (files_asked_in_coroutines, "api.logs", "from os import stat as look\nasync def f(): look('/')"),
    (files_opened_elsewhere, "api.handlers.runs", "with open(path) as log: ..."),
    (files_opened_elsewhere, "execute.output.log_reader", "with self._path.open('rb') as log: ..."),
    (files_opened_elsewhere, "runs.settle", "from os import open as take\ntake(path, 0)"),
    (files_opened_elsewhere, "sources.folder.walk", "def f(path): return path.read_text()"),
    (printed_unescaped, "cli.commands.jobs", "import click\nclick.echo(job)"),
    (printed_unescaped, "cli.rows", "from sys import stdout as out\nout.write(text)"),
    (printed_unescaped, "cli.rows", "print(text)"),
    (imports_by_name, "db.jobs", "import importlib\nimportlib.import_module('jeeves_runner.execute')"),
    (imports_by_name, "db.jobs", "from importlib import import_module as load\nload('x')"),
    (imports_by_name, "core.plan", "__import__('os')"),
    (clock_reads, "scheduler", "import os\nos.times()"),
    (sql_outside_db, "api.handlers.runs", "c.execute('SELECT 1')"),
    (sql_outside_db, "scheduler", "x = 'SELECT id ' + 'FROM runs'"),
    (libraries_out_of_place, "scheduler", "from croniter import croniter"),
    (libraries_out_of_place, "core.plan", "import dateutil.rrule"),
    (libraries_out_of_place, "core.cron", "import croniter"),
    (apsw_outside_db, "reconcile", "import apsw\nconn = apsw.Connection('x')"),
    (apsw_outside_db, "reconcile", "import apsw\ntry: pass\nexcept apsw.BusyError: pass"),
    (apsw_outside_db, "reconcile", "from apsw import Connection"),
    (libraries_out_of_place, "db.jobs", "import sqlite3"),
    (errors_elsewhere, "runs", "from jeeves_runner.errors import NotFound\nclass NoRun(NotFound): ..."),
    (errors_elsewhere, "runs", "from jeeves_runner import errors\nclass Odd(errors.JeevesError): ..."),
    (undocumented_fields, "core.plan", "class Plan:\n    base: int"),
    (undocumented_fields, "core.plan", "class Plan:\n    base: int\n    files: int\n    '''Read.'''"),
    (undocumented_fields, "views.jobs", "class JobDocument(TypedDict):\n    id: str"),
    (untyped_documents, "views.jobs", "def view() -> dict[str, Any]: ..."),
    (untyped_documents, "views.runs", "x: list[Mapping[str, Any]]"),
    (camel_case_names, "views.jobs", "x = {'itemKey': 1}"),
    (camel_case_names, "db.run_list", "class RunRow(TypedDict):\n    jobId: str"),
    (too_long, "core.plan", "x = 1\n" * (MAX_LINES + 1)),
]

KEEPS: list[tuple[Rule, str, str]] = [
    (imports_out_of_bounds, "cli.jobs", "from jeeves_runner.db import jobs"),
    (imports_out_of_bounds, "core.live", "from .plan import Plan\nfrom jeeves_runner import __version__"),
    (imports_out_of_bounds, "db.jobs", "from jeeves_runner.db.connection import Tx"),
    (imports_out_of_bounds, "client.sqlite", "from jeeves_runner.db import state"),
    (circles, "core.plan", "from jeeves_runner.core.problem import Problem"),
    (circles, "core.wording", "if TYPE_CHECKING:\n    from jeeves_runner.core.durations import Span"),
    (clock_reads, "runs", "import time\ntime.sleep(1)\nclock.now()\ndatetime.fromisoformat('x')"),
    (
        sql_outside_db,
        "runs",
        '"""SELECT is the word; so is UPDATE jobs SET."""\nx = "SELECT a file"',
    ),
    (sql_outside_db, "cli.apply", "x = 'Delete from the folder what is not needed'"),
    (io_in_core, "core.manifest", "from pathlib import PurePosixPath\nimport posixpath"),
    (trigger_words_in_sql, "db.jobs", "x = 'SELECT trigger FROM runs WHERE trigger = :trigger'"),
    (id_forms_elsewhere, "core.values", "x = r'[a-z0-9][a-z0-9_]*'"),
    (bad_outcomes_elsewhere, "core.outcome", "x: Literal['ok', 'error', 'timeout', 'cancelled']"),
    (bad_outcomes_elsewhere, "core.outcome", "x = {C.TIMEOUT: S.TIMEOUT, C.FENCED: S.INTERRUPTED}"),
    (active_runs_elsewhere, "db.run_states", "x = \"status IN ('scheduled', 'running')\""),
    (sentences_said_elsewhere, "db.jobs", "raise NotFound(f'there is no job {name}')"),
    (sentences_said_elsewhere, "cli.jobs", "def f():\n    'there is no job {}'\n    x = 'there is no job'"),
    (runs_written_elsewhere, "db.run_ends", "x = 'UPDATE runs SET reason = 1'"),
    (runs_written_elsewhere, "db.jobs", "x = 'SELECT 1 FROM runs'"),
    (io_in_core, "execute.local", "import os"),
    (files_opened_elsewhere, "runs.runs", "self._line.open()\nopen_to_read(path)"),
    (files_opened_elsewhere, "cli.scaffold", "open(path)"),
    (printed_unescaped, "cli.commands.jobs", "app.print(job)\nsay(text)"),
    (imports_by_name, "cli.main", "import importlib\nimportlib.import_module('x')"),
    (libraries_out_of_place, "core.schedule", "import croniter"),
    (apsw_outside_db, "runs", "import apsw\ndef f(conn: apsw.Connection) -> None: ..."),
    (undocumented_fields, "core.plan", "class Plan:\n    base: int\n    '''A revision.'''\n    ALL = 1"),
    (untyped_documents, "views.jobs", "def view() -> dict[str, object]: ..."),
    (untyped_documents, "cli.jobs", "x: dict[str, Any]"),
    (camel_case_names, "api.guard", "x = {'Allow': 'GET', 'item_key': 1}"),
    (errors_elsewhere, "core.schedule", "class ScheduleError(ValueError): ..."),
    (undocumented_fields, "core.plan", "class _Aside:\n    base: int"),
]


def _sample(case: tuple[Rule, str, str]) -> str:
    rule, name, source = case
    return f"{rule.__name__}-{name}-{source[:30]!r}"


@pytest.mark.parametrize("case", BREAKS, ids=_sample)
def test_a_rule_sees_what_breaks_it(case: tuple[Rule, str, str]) -> None:
    rule, name, source = case
    assert list(rule(Module(name, source))) != []


@pytest.mark.parametrize("case", KEEPS, ids=_sample)
def test_a_rule_leaves_alone_what_keeps_it(case: tuple[Rule, str, str]) -> None:
    rule, name, source = case
    assert list(rule(Module(name, source))) == []
