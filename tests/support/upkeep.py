"""Runs that ended long ago, and one round of maintenance."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from support.logs import log_file
from support.runs import Place

from jeeves_runner.clock import to_text
from jeeves_runner.config import Config, load_config
from jeeves_runner.db.writer import Writer
from jeeves_runner.runner.maintenance import Maintenance


def configured(place: Place, text: str) -> Config:
    (place.root / "jeeves-runner.yaml").write_text(text)
    return load_config(place.root, None)


def ended(
    place: Place,
    days_ago: float,
    trigger: str = "manual",
    *,
    chain: int | None = None,
    log: bool = False,
    of: str = "old",
) -> int:
    """A run that ended so long ago; its id."""
    with place.write() as tx:
        when = to_text(tx.now - timedelta(days=days_ago))
        tx.conn.execute(
            "INSERT INTO runs (job_id, status, trigger, chain_id, created_at, started_at, finished_at,"
            " end_seq)"
            " VALUES (?, 'ok', ?, ?, ?4, ?4, ?4, 1)",
            (of, trigger, chain, when),
        )
        run_id = tx.conn.last_insert_rowid()
        if log:
            path = log_file(place.root / "data", run_id, of)
            path.write_text("output")
            tx.conn.execute("UPDATE runs SET log_path = ? WHERE id = ?", (str(path), run_id))
    return run_id


def keep_house(place: Place, config: str, time_of_age: Callable[[], datetime] | None = None) -> None:
    async def main() -> None:
        async with Writer(place.path, place.clock) as writer:
            settings = configured(place, config)
            house = Maintenance(
                config=settings,
                writer=writer,
                conn=place.conn,
                clock=place.clock,
                time_of_age=time_of_age or place.clock.now,
            )
            await house.run_once()

    asyncio.run(main())


def left(place: Place) -> list[int]:
    """The runs that have their rows still."""
    return [run.id for run in place.runs()]


def logs(place: Place) -> Path:
    """Where the runs of the job ``old`` have their logs."""
    return place.root / "data" / "logs" / "old"
