"""What ``diff`` compares the manifests with, and what comes of it."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jeeves_runner.cli.context import App
from jeeves_runner.core.delete_guard import Confirmed
from jeeves_runner.core.live import Live
from jeeves_runner.core.origin import AppliedBy
from jeeves_runner.core.plan import Plan

if TYPE_CHECKING:
    from jeeves_runner.views.comparison import AgainstDocument
    from jeeves_runner.views.forecast import ForecastDocument


class Comparison(NamedTuple):
    """What came of it."""

    plan: Plan
    """What an apply would change, with its fields."""
    against: "AgainstDocument"
    """What it was compared with."""
    forecast: "ForecastDocument"
    """What the changes do to the days to come."""
    refused: str | None = None
    """Why an apply would be refused; None: it would not, or it is not the project's database."""


def with_database(app: App, confirmed: Confirmed, *, staged: bool) -> Comparison:
    """With the live rows; with nothing where there is no database yet."""
    from jeeves_runner.db.queues import check_known
    from jeeves_runner.reconcile.allowances import with_allowances
    from jeeves_runner.reconcile.apply import ApplyOptions, read_live, refusal_of, with_fields
    from jeeves_runner.reconcile.setup import plan_of, source_of
    from jeeves_runner.views.comparison import against
    from jeeves_runner.views.forecast import forecast_of_live

    if is_missing(app.config.db_path):
        return with_nothing(app, staged=staged)
    now = app.clock.now()
    conn = app.connect_declared()
    check_known(conn, confirmed.queues)
    plan, trace = plan_of(app.config, read_live(conn), staged=staged)
    plan = with_fields(conn, plan)
    source = source_of(app.config)
    options = ApplyOptions(applied_by=AppliedBy.CLI, source=source, confirmed=confirmed)
    if trace is not None:
        options = with_allowances(conn, plan, options, trace, now)
    refused = refusal_of(conn, plan, options, app.clock)
    return Comparison(plan, against("database"), forecast_of_live(conn, plan, now), refused)


def with_nothing(app: App, *, staged: bool) -> Comparison:
    """With no jobs at all. It needs no database."""
    from jeeves_runner.reconcile.setup import plan_of
    from jeeves_runner.views.comparison import against
    from jeeves_runner.views.forecast import forecast_between

    plan, _ = plan_of(app.config, Live.nothing(), staged=staged)
    return Comparison(plan, against("empty"), forecast_between(plan, {}, app.clock.now()))


def with_commit(app: App, name: str, *, staged: bool) -> Comparison:
    """With the manifests of a commit. It needs no database."""
    from jeeves_runner.reconcile.setup import plan_of, plan_of_commit
    from jeeves_runner.reconcile.standing import Standing
    from jeeves_runner.views.comparison import against
    from jeeves_runner.views.forecast import forecast_between

    declared, commit = plan_of_commit(app.config, name)
    there = Standing.declared(declared)
    timings = there.timings()
    plan, _ = plan_of(app.config, there.live, staged=staged)
    plan = there.described(plan)
    errors = sum(problem.is_error for problem in declared.problems)
    forecast = forecast_between(plan, timings, app.clock.now())
    return Comparison(plan, against("commit", name, commit, errors), forecast)


def is_missing(db_path: Path) -> bool:
    """Whether there is no database yet. One that cannot be looked at may be there: opening it says why."""
    try:
        db_path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
