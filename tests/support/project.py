"""The world of a project: a folder of manifests, its config and its database, in this process.

Take it for manifests, plans and applies: write files, ``plan`` or ``apply``, and look at the rows. Nothing
runs in it; for a running server take ``support.server``.
"""

from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent

import apsw
from support.clock import HandClock
from support.db import database

from jeeves_runner.config import Config, load_config
from jeeves_runner.core.delete_guard import Confirmed
from jeeves_runner.core.live import Delta, Live
from jeeves_runner.core.origin import AppliedBy
from jeeves_runner.core.plan import Plan
from jeeves_runner.db.connection import transaction
from jeeves_runner.reconcile.apply import Applied, ApplyOptions, apply_plan, read_live, with_fields
from jeeves_runner.reconcile.setup import planner_of, source_of

BACKUP = """\
    id: backup
    schedule: "0 3 * * *"
    run: echo backup
    timeout: 5m
    """
REPORT = """\
    id: report
    schedule: "0 6 * * mon-fri"
    run: echo report
    timeout: 5m
    """


class Project:
    """A folder with ``jobs.d/`` and a database."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.jobs_dir = root / "jobs.d"
        self.jobs_dir.mkdir()
        (root / "jeeves-runner.yaml").write_text("timezone: UTC\n")
        self.clock = HandClock()

    @property
    def config(self) -> Config:
        return load_config(self.root, None)

    @property
    def conn(self) -> apsw.Connection:
        return database(self.config.db_path)

    def write(self, name: str, text: str) -> Path:
        """Write a manifest below jobs.d/."""
        path = self.jobs_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    def remove(self, name: str) -> None:
        (self.jobs_dir / name).unlink()

    def plan(self) -> Plan:
        conn = self.conn
        return with_fields(conn, planner_of(self.config).plan(read_live(conn)))

    def validate(self) -> Plan:
        """The plan against nothing: what ``validate`` looks at."""
        return planner_of(self.config).plan(Live.nothing())

    def apply(
        self, *, allow_deletes: int | None = None, allow_delete: Iterable[str] = (), take_over: bool = False
    ) -> Applied:
        """Plan and apply, as ``apply --keep-going`` does."""
        plan = self.plan()
        options = ApplyOptions(
            applied_by=AppliedBy.CLI,
            source=source_of(self.config),
            confirmed=Confirmed(allow_deletes, frozenset(allow_delete)),
            take_over=take_over,
        )
        expected = read_live(self.conn)
        with transaction(self.conn, self.clock) as tx:
            applied = apply_plan(tx, plan, options)
        # To follow an apply step by step must give the same as to read the database again.
        assert expected.advance(Delta.of(plan, applied.revision or plan.base)) == read_live(self.conn)
        return applied

    def jobs(self, columns: str = "id") -> list[tuple[object, ...]]:
        """Columns of the live jobs, by id."""
        query = f"SELECT {columns} FROM jobs WHERE deleted_at IS NULL ORDER BY id"
        return list(self.conn.execute(query))

    def value(self, query: str, *bindings: object) -> object:
        """The first column of the first row."""
        row = self.conn.execute(query, bindings).fetchone()
        return None if row is None else row[0]


def summary(plan: Plan) -> list[str]:
    """``+job a``, ``~job b``, ``-job c``, ``=job d`` for create, update, delete and held."""
    changes = [f"{c.action.symbol}{c.kind} {c.id}" for c in plan.changes]
    return sorted(changes + [f"={h.kind} {h.id}" for h in plan.held])


def errors(plan: Plan) -> list[str]:
    """The errors as ``FILE:LINE: message``."""
    return [f"{p.file}:{p.line}: {p.message}" for p in plan.problems if p.is_error]
