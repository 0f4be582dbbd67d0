"""``add-job``: write the manifest of a new job, after checking it together with all others."""

import os
import posixpath
import shlex
from collections.abc import Iterable, Mapping
from os.path import relpath
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import click

from jeeves_runner.cli import scaffold
from jeeves_runner.cli.context import App, json_option, pass_app, utc_option
from jeeves_runner.cli.formats import when
from jeeves_runner.cli.plan_text import problem_lines
from jeeves_runner.cli.syntax import Number
from jeeves_runner.clock import to_text
from jeeves_runner.core.live import Live
from jeeves_runner.core.manifest_text import manifest_text
from jeeves_runner.core.model import JobType
from jeeves_runner.core.problem import Problem
from jeeves_runner.core.values import ID_WORDS, is_id
from jeeves_runner.core.wording import brief
from jeeves_runner.errors import Conflict, InvalidValue, PlanIncomplete, UsageError
from jeeves_runner.sources.contract import SourceFile
from jeeves_runner.sources.names import DEFAULTS_NAMES

if TYPE_CHECKING:
    from jeeves_runner.config import Config
    from jeeves_runner.core.consequences import Timing
    from jeeves_runner.core.plan import Plan

#: Script templates by extension.
SCRIPTS: Final[Mapping[str, str]] = {".py": "script.py", ".sh": "script.sh"}

_RETRIES: Final = Number("a number of retries from 0 to 100", 0, 100)


@click.command("add-job")
@click.argument("job_id", metavar="ID")
@click.option("--schedule", multiple=True, metavar="ENTRY", help="When it runs; may be repeated.")
@click.option("--script", metavar="PATH", help="A file to run, relative to the project; made if missing.")
@click.option("--run", "inline", metavar="TEXT", help="A shell text to run.")
@click.option("--command", "argv", metavar="WORDS", help="A program and its arguments, quoted as in a shell.")
@click.option("--prompt", metavar="TEXT", help="What an agent is told: the job is then of type session.")
@click.option("--timeout", metavar="DURATION", help="How long a run may take, such as 30s or 1h30m.")
@click.option("--timezone", metavar="ZONE", help="The time zone of the schedule, such as Europe/Vienna.")
@click.option("--retries", type=_RETRIES, metavar="N", help="Try a run that failed so many times again.")
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="A variable; may be repeated.")
@click.option("--disabled", is_flag=True, help="Declare it, and let it run when triggered alone.")
@click.option("--description", metavar="TEXT")
@json_option
@utc_option
@pass_app
def command(
    app: App,
    job_id: str,
    schedule: tuple[str, ...],
    script: str | None,
    inline: str | None,
    argv: str | None,
    prompt: str | None,
    timeout: str | None,
    timezone: str | None,
    retries: int | None,
    env: tuple[str, ...],
    disabled: bool,
    description: str | None,
) -> None:
    """Write the manifest of a new job ID into the jobs folder; an apply then makes it live."""
    if sum(what is not None for what in (script, inline, argv, prompt)) != 1:
        raise UsageError("say what the job does: exactly one of --script, --run, --command and --prompt")
    if not is_id(job_id):
        raise InvalidValue(
            f"'{job_id}' cannot be a job's id",
            hint=ID_WORDS,
        )
    keys: dict[str, object] = {
        "type": None if prompt is None else JobType.SESSION.value,
        "description": description,
        "schedule": _schedule(schedule),
        "timezone": timezone,
        "script": script,
        "run": inline,
        "command": _words(argv),
        "prompt": prompt,
        "timeout": timeout,
        "retries": None if retries is None else {"limit": retries},
        "env": _variables(env) or None,
        "enabled": False if disabled else None,
    }
    config = app.project
    manifest = config.jobs_dir / f"{job_id}.yaml"
    _refuse_overwriting(manifest)
    text = manifest_text({key: value for key, value in keys.items() if value is not None}, _schema(config))
    files = [scaffold.NewFile(path=manifest, text=text)]
    if script is not None and (new := _new_script(config, script)):
        files.insert(0, new)
    name, plan = _plan(config, files[-1], is_written=False)
    makes_script = len(files) > 1
    warnings = _check(name, plan, makes_script=makes_script)
    for file in files:
        if scaffold.write(file) is scaffold.Fate.SKIPPED:
            _refuse_overwriting(file.path)  # another add-job was quicker
    if makes_script:  # which was missing before, so that nothing was known of the job
        name, plan = _plan(config, files[-1], is_written=True)
    _report(app, job_id, files, warnings, _timing(name, plan))


def _schedule(texts: tuple[str, ...]) -> object:
    """Expressions as they are, and what a manifest has as a mapping, ``{every: 11m}``, as one."""
    from jeeves_runner.core.manifest.yaml_text import YamlError, load

    entries: list[object] = []
    for text in texts:
        if not text.lstrip().startswith("{"):
            entries.append(text)
            continue
        try:
            entries.append(load(text).value)
        except YamlError as error:
            hint = "write it as in a manifest: '{every: 11m}'"
            raise InvalidValue(f"--schedule {text}: {error.message}", hint=hint) from None
    return entries[0] if len(entries) == 1 else entries or None


def _words(text: str | None) -> list[str] | None:
    try:
        return None if text is None else shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--command cannot be split into words: {error}") from None


def _variables(texts: tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUE`` each; UsageError for another form, and for a name that is given twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UsageError(f"--env {brief(text)} is not of the form NAME=VALUE")
        if name in found:
            raise UsageError(f"--env gives {brief(name)} more than once")
        found[name] = value
    return found


def _refuse_overwriting(manifest: Path) -> None:
    for path in (manifest, manifest.with_suffix(".yml")):
        if os.path.lexists(path):
            raise Conflict(f"{path} exists already", hint="edit it, or choose another id")


def _schema(config: "Config") -> str | None:
    """The path from the jobs folder to the schema for editors; None if ``init`` wrote none."""
    schema = config.root / scaffold.MANIFEST_SCHEMA
    return relpath(schema, config.jobs_dir) if os.path.lexists(schema) else None


def _new_script(config: "Config", script: str) -> scaffold.NewFile | None:
    """The script to write; None if it exists, lies outside the project or is of a kind without template."""
    path = Path(os.path.realpath(config.root / script))
    name = SCRIPTS.get(path.suffix)
    if name is None or os.path.lexists(path) or not path.is_relative_to(config.root):
        return None
    return scaffold.NewFile(path=path, text=scaffold.template(name), executable=True)


def _plan(config: "Config", manifest: scaffold.NewFile, *, is_written: bool) -> "tuple[str, Plan]":
    """The manifest's name among all others, and what they declare together with it."""
    from jeeves_runner.reconcile.planner import Planner
    from jeeves_runner.reconcile.setup import planner_setup

    setup = planner_setup(config)
    name = Path(relpath(manifest.path, config.root)).as_posix()
    found = setup.source.look()
    if not is_written:
        found = found.with_file(SourceFile(path=name, data=manifest.text.encode()))
    return name, Planner(setup).compare(found, Live.nothing())


def _check(name: str, plan: "Plan", *, makes_script: bool) -> list[Problem]:
    """The warnings about the new manifest; Conflict or InvalidValue for an error."""
    _refuse_broken_defaults(name, plan.problems)
    problems = [p for p in plan.problems if p.file == name and not (makes_script and p.code == "script")]
    for problem in problems:
        if problem.code == "duplicate_id":
            raise Conflict(problem.message, hint="edit that one, or choose another id")
        if problem.is_error:
            raise InvalidValue(problem.message, hint=problem.hint)
    return problems


def _timing(name: str, plan: "Plan") -> "Timing | None":
    """When the job of the manifest is to run; None where an error keeps that from being known."""
    from jeeves_runner.core.consequences import Timing

    texts = (change.text for change in plan.changes if change.file == name)
    return next((Timing.of_text(text) for text in texts if text is not None), None)


def _refuse_broken_defaults(name: str, problems: Iterable[Problem]) -> None:
    """PlanIncomplete if the manifest's defaults are broken: it would not be checked now, and held later."""
    for problem in problems:
        folder, base = posixpath.split(problem.file)
        if problem.is_error and base in DEFAULTS_NAMES and PurePosixPath(name).is_relative_to(folder):
            raise PlanIncomplete(
                f"the defaults for the new job are broken: {problem.file}:{problem.line}:{problem.column}:"
                f" {problem.message}",
                hint=problem.hint or f"fix {problem.file} first",
            )


def _report(
    app: App, job_id: str, files: list[scaffold.NewFile], warnings: list[Problem], timing: "Timing | None"
) -> None:
    now = app.clock.now()
    times = None if timing is None else timing.times(job_id)
    found = None if times is None else times.next_after(now)
    next_run = None if found is None else to_text(found)
    if app.json:
        paths = [str(file.path) for file in files]
        problems = [problem.as_json() for problem in warnings]
        app.print_json({"id": job_id, "files": paths, "next_run": next_run, "problems": problems})
        return
    for file in files:
        app.print(f"wrote {relpath(file.path)}")
    app.print_lines(problem_lines(warnings))
    if timing is not None and next_run is not None:
        app.print(f"Once it is live, it runs next {when(next_run, now, app.zone_of(timing.timezone))}.")
    elif timing is not None:
        why = "no occurrence any more" if timing.schedule else "no schedule"
        why = f"It has {why}" if timing.enabled else "It is disabled"
        app.print(f"{why}: it runs by `jeeves-runner trigger {job_id}`.")
    app.print("Next: `jeeves-runner apply` makes it live; a running server does so by itself.")
