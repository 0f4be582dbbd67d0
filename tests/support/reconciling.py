"""The world of a reconciler: a project whose manifests it follows, without a server.

Take it for what a server makes of manifests look by look.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from support.project import Project

from jeeves_runner.clock import SystemClock
from jeeves_runner.db.writer import Writer
from jeeves_runner.reconcile.apply import Applied
from jeeves_runner.reconcile.planner_process import PlannerProcess
from jeeves_runner.reconcile.reconciler import Reconciler
from jeeves_runner.reconcile.setup import planner_setup, source_of


@asynccontextmanager
async def looking(project: Project, *, automatic: bool = True) -> AsyncIterator[Reconciler]:
    """A reconciler that looks when told to."""
    conn = project.conn
    planner = PlannerProcess(planner_setup(project.config))

    async def applied(_applied: Applied) -> None:
        """There are no followers."""

    try:
        async with Writer(project.config.db_path, SystemClock()) as writer:
            yield Reconciler(
                source=source_of(project.config),
                planner=planner,
                writer=writer,
                conn=conn,
                clock=SystemClock(),
                applied=applied,
                interval=3600,
                automatic=automatic,
            )
    finally:
        planner.close()
        conn.close()
