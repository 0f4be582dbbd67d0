"""The sources keep the rules of ``architecture_rules.py``, and each rule can fail."""

import subprocess
import sys

import pytest
from architecture_rules import (
    ALL,
    MAX_LINES,
    PACKAGE,
    ROOT,
    RULES,
    SQL_CLOCK,
    Module,
    Rule,
    apsw_outside_db,
    clock_in_sql,
    clock_reads,
    imports,
    imports_by_name,
    io_in_core,
    libraries_out_of_place,
    sideways_imports,
    sql_outside_db,
    too_long,
    upward_imports,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_sources_keep(rule: Rule) -> None:
    assert [fault for module in ALL for fault in rule(module)] == []


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
    (upward_imports, "core.plan", "from jeeves_runner.db import jobs"),
    (upward_imports, "core.plan", "from ..config import Config"),
    (upward_imports, "core.model", "from jeeves_runner.core.problem import Problem"),
    (upward_imports, "db.jobs", "def f() -> None:\n    from jeeves_runner.reconcile.apply import apply"),
    (upward_imports, "runs", "import jeeves_runner.api.server"),
    (upward_imports, "attic", "import os"),
    (sideways_imports, "db.jobs", "from jeeves_runner.sources.folder import FolderSource"),
    (sideways_imports, "execute.local", "from jeeves_runner import config"),
    (sideways_imports, "client.http", "from jeeves_runner.execute import local"),
    (sideways_imports, "runs", "from jeeves_runner.client import Client"),
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
    (clock_in_sql, "db.jobs", "x = \"UPDATE jobs SET updated_at = datetime('now')\""),
    (io_in_core, "core.manifest", "import os.path"),
    (io_in_core, "core.manifest", "from pathlib import Path"),
    (io_in_core, "core.manifest", "x = open('a').read()"),
    (io_in_core, "core.policy", "def f() -> None:\n    import subprocess"),
    (io_in_core, "core.manifest", "def f(p): return p.read_text()"),
    (io_in_core, "core.plan", "import importlib\nimportlib.reload"),
    (imports_by_name, "db.jobs", "import importlib\nimportlib.import_module('jeeves_runner.execute')"),
    (imports_by_name, "db.jobs", "from importlib import import_module as load\nload('x')"),
    (imports_by_name, "core.plan", "__import__('os')"),
    (clock_reads, "scheduler", "import os\nos.times()"),
    (sql_outside_db, "api.run_handlers", "c.execute('SELECT 1')"),
    (sql_outside_db, "scheduler", "x = 'SELECT id ' + 'FROM runs'"),
    (libraries_out_of_place, "scheduler", "from croniter import croniter"),
    (libraries_out_of_place, "core.plan", "import dateutil.rrule"),
    (apsw_outside_db, "reconcile", "import apsw\nconn = apsw.Connection('x')"),
    (apsw_outside_db, "reconcile", "import apsw\ntry: pass\nexcept apsw.BusyError: pass"),
    (apsw_outside_db, "reconcile", "from apsw import Connection"),
    (libraries_out_of_place, "db.jobs", "import sqlite3"),
    (too_long, "core.plan", "x = 1\n" * (MAX_LINES + 1)),
]

KEEPS: list[tuple[Rule, str, str]] = [
    (upward_imports, "cli.jobs", "from jeeves_runner.db import jobs"),
    (upward_imports, "core.manifest", "from .plan import Plan\nfrom jeeves_runner import __version__"),
    (sideways_imports, "db.jobs", "from jeeves_runner.db.connection import Tx"),
    (sideways_imports, "client.sqlite", "from jeeves_runner.db import state"),
    (clock_reads, "runs", "import time\ntime.sleep(1)\nclock.now()\ndatetime.fromisoformat('x')"),
    (
        sql_outside_db,
        "runs",
        '"""SELECT is the word; so is UPDATE jobs SET."""\nx = "SELECT a file"',
    ),
    (sql_outside_db, "cli.apply", "x = 'Delete from the folder what is not needed'"),
    (io_in_core, "core.manifest", "from pathlib import PurePosixPath\nimport posixpath"),
    (io_in_core, "execute.local", "import os"),
    (imports_by_name, "cli.main", "import importlib\nimportlib.import_module('x')"),
    (libraries_out_of_place, "core.schedule", "import croniter"),
    (apsw_outside_db, "runs", "import apsw\ndef f(conn: apsw.Connection) -> None: ..."),
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
