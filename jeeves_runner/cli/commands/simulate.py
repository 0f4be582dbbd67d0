"""``simulate``: the days to come, played by the decisions that are real."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from jeeves_runner.cli.context import App, json_option, pass_app, utc_option
from jeeves_runner.cli.load_text import print_chart
from jeeves_runner.cli.simulation_text import job_rows, load, noteworthy_rows, summary_lines
from jeeves_runner.cli.spans import end_of
from jeeves_runner.clock import from_text
from jeeves_runner.core.durations import is_duration, parse_duration
from jeeves_runner.core.instants import coming_instant, end_of_span
from jeeves_runner.errors import InvalidValue, PlanIncomplete, UsageError

if TYPE_CHECKING:
    from jeeves_runner.core.model import JobSpec
    from jeeves_runner.core.namespaces import Namespaces
    from jeeves_runner.core.plan import Plan
    from jeeves_runner.core.simulation.scenario import Down
    from jeeves_runner.views.scenario import Ask
    from jeeves_runner.views.simulation import SimulationDocument

_SHOWN: Final = 20
_USUAL: Final = timedelta(days=1)


@click.command("simulate")
@click.option("--from", "begin", metavar="TIME", help="Begin then; without it now, with what runs and waits.")
@click.option("--to", metavar="TIME", help="End then.")
@click.option("--for", "length", metavar="LENGTH", help="Last so long; 1d without an end.")
@click.option("--down", metavar="A..B", multiple=True, help="No server lives from A to B. Repeatable.")
@click.option(
    "--jobs",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Play the manifests of this folder, and not the live jobs.",
)
@click.option("--against", metavar="REF", help="Play the manifests of a commit, and not the live jobs.")
@click.option(
    "--duration",
    "durations",
    metavar="[JOB=]LENGTH",
    multiple=True,
    help="How long runs of JOB take, or those of which nothing is known. Repeatable.",
)
@json_option
@utc_option
@pass_app
def command(
    app: App,
    begin: str | None,
    to: str | None,
    length: str | None,
    down: tuple[str, ...],
    folder: Path | None,
    against: str | None,
    durations: tuple[str, ...],
) -> None:
    """Show what would run, wait, be skipped and missed.

    The jobs are played by the decisions that the server makes, with the limits of the config. Runs end ok,
    and take as long as the last ones usually did.
    """
    if folder is not None and against is not None:
        raise UsageError("--jobs and --against both say which jobs to play; give one of them")
    now = app.clock.now()
    zone = app.zone
    since = now if begin is None else coming_instant(begin, now, zone, "--from")
    until = end_of(since, now, zone, to, length) or since + _USUAL
    specs = _declared(app, folder, against)
    ask = _ask(app, since, until, [_down(each, since, zone) for each in down], specs, durations)
    with _without_collections():
        document = _play(app, now, ask)
    if app.json:
        app.print_json(document)
    else:
        _print(app, document, zone)


def _play(app: App, now: datetime, ask: "Ask") -> "SimulationDocument":
    from jeeves_runner.views.simulation import simulation_view

    if ask.specs is not None and app.has_no_database():
        return simulation_view(None, now, ask)
    with closing(app.connect()) as conn:
        return simulation_view(conn, now, ask)


def _ask(
    app: App,
    since: datetime,
    until: datetime,
    down: "Sequence[Down]",
    specs: "Sequence[JobSpec] | None",
    durations: Sequence[str],
) -> "Ask":
    from jeeves_runner.executors import make_executors
    from jeeves_runner.views.scenario import Ask, Carrier

    executors = make_executors(app.settings, app.clock)

    def carrier(spec: "JobSpec") -> Carrier:
        executor = executors.of(spec)
        return Carrier(executor.name, executor.on_shutdown == "leave")

    lengths = dict(map(_length, durations))
    otherwise = lengths.pop(None, None)
    return Ask(
        begin=since,
        end=until,
        slots=executors.slots(),
        pools=app.settings.pools,
        carrier=carrier,
        down=down,
        lengths={job_id: length for job_id, length in lengths.items() if job_id is not None},
        otherwise=otherwise,
        catch_up_spread=timedelta(milliseconds=app.settings.catch_up_spread_ms),
        specs=specs,
        depth_limit=app.settings.graph.depth,
    )


def _declared(app: App, folder: Path | None, against: str | None) -> "list[JobSpec] | None":
    """The jobs that other manifests declare; None for the live ones."""
    from jeeves_runner.core.live import Live
    from jeeves_runner.reconcile.setup import plan_of, plan_of_commit

    if folder is not None:
        if not folder.is_dir():
            raise InvalidValue(f"--jobs: {folder} is no folder")
        config = app.config._replace(jobs_dir=folder.resolve())
        plan, _ = plan_of(config, Live.nothing(), names=_names(app))
    elif against is not None:
        plan, _ = plan_of_commit(app.config, against, _names(app))
    else:
        return None
    _refuse_broken(plan)
    return _specs(plan)


def _names(app: App) -> "Namespaces":
    """The namespaces that jobs have where these are applied next."""
    from jeeves_runner.core.namespaces import BY_ID, Namespaces
    from jeeves_runner.db import jobs, namespaces

    if app.has_no_database():
        return BY_ID
    with closing(app.connect()) as conn:
        return Namespaces(namespaces.kept(conn), frozenset(jobs.live_ids(conn)))


def _refuse_broken(plan: "Plan") -> None:
    """What a broken manifest declares cannot be played."""
    errors = [problem for problem in plan.problems if problem.is_error]
    if errors:
        first = errors[0]
        raise PlanIncomplete(
            f"{first.file}:{first.line}:{first.column}: {first.message}",
            hint=f"fix the {len(errors)} errors first" if len(errors) > 1 else first.hint,
        )


def _specs(plan: "Plan") -> "list[JobSpec]":
    from jeeves_runner.core.specs import job_from_text

    return [job_from_text(change.text or "") for change in plan.changes if change.kind == "job"]


def _down(text: str, since: datetime, zone: tzinfo) -> "Down":
    from jeeves_runner.core.simulation.scenario import Down

    first, dots, last = text.partition("..")
    if not (dots and first and last):
        raise InvalidValue(
            f"--down takes two times with `..` between them, and not {text}",
            hint="write them such as 2026-12-24T18:00..2026-12-24T20:30, or 2h..5h after the begin",
        )
    begin = coming_instant(first, since, zone, "--down")
    return Down(begin, end_of_span(last, begin, since, zone, "--down"))


def _length(text: str) -> tuple[str | None, timedelta]:
    job_id, equals, length = text.rpartition("=")
    if not is_duration(length) or (equals and not job_id):
        raise InvalidValue(
            f"--duration takes a length of time, or JOB=LENGTH, and not {text}",
            hint="write it such as 5m, or backup=1h30m",
        )
    try:
        return job_id or None, timedelta(milliseconds=parse_duration(length))
    except ValueError as error:
        raise InvalidValue(f"--duration: {error}") from error


@contextmanager
def _without_collections() -> Iterator[None]:
    """A play makes many values that last, and no garbage in circles: to look for it costs much in vain."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _print(app: App, document: "SimulationDocument", zone: tzinfo) -> None:
    app.print_lines((line,) for line in summary_lines(document, zone))
    rows = job_rows(document)
    if not rows:
        return
    app.print_heading("Jobs")
    app.print_table(
        ("JOB", "TAKES", "STARTS", "SKIPPED", "MISSED", "OVERLAPS", "LONGEST WAIT"), rows[:_SHOWN]
    )
    if len(rows) > _SHOWN:
        app.print(f"{len(rows) - _SHOWN} more jobs; --json has them all.")
    app.print_heading("Starts")
    span = from_text(document["begin"]), from_text(document["end"])
    print_chart(app, load(document), *span, zone)
    strange = noteworthy_rows(document, zone)
    if strange:
        app.print_heading("What does not start on time")
        app.print_table(("TIME", "JOB", "WHAT", "WHY"), strange[:_SHOWN])
        if len(strange) > _SHOWN:
            app.print(f"{len(strange) - _SHOWN} more; --json has them all.")
