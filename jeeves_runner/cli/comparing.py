"""What ``diff`` compares the manifests with, and what comes of it."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jeeves_runner.cli.context import App
from jeeves_runner.core.delete_guard import Confirmed
from jeeves_runner.core.edge_changes import EdgeChanges, edge_changes
from jeeves_runner.core.live import Live
from jeeves_runner.core.origin import AppliedBy
from jeeves_runner.core.plan import Plan
from jeeves_runner.errors import NoServer

if TYPE_CHECKING:
    from jeeves_runner.reconcile.standing import Standing
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
    edges: EdgeChanges
    """What they do to the graph."""
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

    if app.has_no_database():
        return with_nothing(app, staged=staged)
    now = app.clock.now()
    conn = app.connect_declared()
    check_known(conn, confirmed.queues)
    live = read_live(conn)
    plan, trace = plan_of(app.config, live, staged=staged)
    plan = with_fields(conn, plan)
    source = source_of(app.config)
    options = ApplyOptions(applied_by=AppliedBy.CLI, source=source, confirmed=confirmed)
    if trace is not None:
        options = with_allowances(conn, plan, options, trace, now)
    refused = refusal_of(conn, plan, options, app.clock)
    edges = edge_changes(plan.changes, live.rows)
    return Comparison(plan, against("database"), forecast_of_live(conn, plan, now), edges, refused)


def with_nothing(app: App, *, staged: bool) -> Comparison:
    """With no jobs at all. It needs no database."""
    from jeeves_runner.reconcile.setup import plan_of
    from jeeves_runner.views.comparison import against
    from jeeves_runner.views.forecast import forecast_between

    plan, _ = plan_of(app.config, Live.nothing(), staged=staged)
    forecast = forecast_between(plan, lambda _ids: {}, app.clock.now())
    return Comparison(plan, against("empty"), forecast, edge_changes(plan.changes, {}))


def with_commit(app: App, name: str, *, staged: bool) -> Comparison:
    """With the manifests of a commit. It needs no database; jobs have the namespaces of one that is there."""
    from jeeves_runner.core.namespaces import Namespaces
    from jeeves_runner.reconcile.setup import plan_of_commit
    from jeeves_runner.reconcile.standing import Standing
    from jeeves_runner.views.comparison import against

    kept = _kept(app)
    declared, commit = plan_of_commit(app.config, name, Namespaces(kept, None))
    there = Standing.declared(declared, kept)
    errors = sum(problem.is_error for problem in declared.problems)
    return _with_standing(app, there, against("commit", name, commit, errors), staged=staged)


def _kept(app: App) -> dict[str, str]:
    """The namespaces that are not their job's id, by id, as far as a database knows them."""
    from jeeves_runner.db import namespaces

    if app.has_no_database():
        return {}
    with closing(app.connect_declared()) as conn:
        return namespaces.kept(conn)


def with_server(app: App, address: str, token_file: Path | None, *, staged: bool) -> Comparison:
    """With what is live on another server. It needs no database."""
    from jeeves_runner import __version__
    from jeeves_runner.cli.remote import ask_address
    from jeeves_runner.reconcile.elsewhere import elsewhere
    from jeeves_runner.views.comparison import against

    found = elsewhere(ask_address(address, "/specs", token_file), str(app.config.root))
    if found is None:
        raise NoServer(f"what answers at {address} is no server of jeeves-runner")
    if found.version != __version__:
        versions = f"{address} runs version {found.version}, and this is {__version__}"
        app.warn(f"{versions}: what only one of them knows is not compared")
    compared = against("server", address, found.commit, found.unreadable)
    return _with_standing(app, found.standing, compared, staged=staged)


def _with_standing(app: App, there: "Standing", compared: "AgainstDocument", *, staged: bool) -> Comparison:
    """With what stands there, as ``compared`` names it."""
    from jeeves_runner.reconcile.setup import plan_of
    from jeeves_runner.views.forecast import forecast_between

    plan, _ = plan_of(app.config, there.live, staged=staged)
    plan = there.described(plan)
    forecast = forecast_between(plan, there.timings, app.clock.now())
    return Comparison(plan, compared, forecast, edge_changes(plan.changes, there.live.rows))
