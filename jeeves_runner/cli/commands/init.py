"""``init``: make a project that runs, in an empty folder or among files that are there."""

import os
import shlex
from collections.abc import Iterator
from os.path import relpath
from pathlib import Path
from typing import Final

import click

from jeeves_runner.cli import scaffold
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.git_hook import COMMAND, hook_of
from jeeves_runner.cli.git_repository import is_top, make_repository, repository_around
from jeeves_runner.cli.installed_from import PROGRAM_WHEEL, requirement
from jeeves_runner.cli.machine_zone import machine_zone
from jeeves_runner.cli.user_unit import name_of, unit_of
from jeeves_runner.config import config_schema
from jeeves_runner.schemas_text import manifest_schema

_WORKFLOW: Final = scaffold.PROJECT["workflow.yml"]


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--force",
    is_flag=True,
    help="Replace files that are there and differ, with all that was written into them.",
)
@click.option("--git", is_flag=True, help="Make DIR a git repository, unless it lies in one.")
@click.option(
    "--hook", is_flag=True, help="Install a git hook that checks what is staged before each commit."
)
@click.option(
    "--systemd", is_flag=True, help="Write a unit by which systemd runs the project as a service of yours."
)
@json_option
@pass_app
def command(app: App, folder: Path, force: bool, git: bool, hook: bool, systemd: bool) -> None:
    """Make a project in DIR (by default here): config, an example job, CI and editor support.

    A file that is there already is left as it is, so this can be repeated: after an upgrade it
    renews the schemas. A .gitignore gets the lines it lacks. A git hook is never replaced. The
    example comes into a new project alone.
    """
    here = app.here
    place = Path(os.path.realpath(folder))
    schemas = {scaffold.MANIFEST_SCHEMA: manifest_schema(), scaffold.CONFIG_SCHEMA: config_schema()}
    jobs_dir = scaffold.JOBS_DIR if force else _jobs_dir(place)
    from_where = requirement()
    files = list(
        scaffold.project_files(
            folder, schemas, jobs_dir, zone=machine_zone(os.environ), requirement=from_where
        )
    )
    scaffold.refuse_obstacles(files)
    unit = unit_of(place, os.environ) if systemd else None
    is_new = git and make_repository(place)
    git_hook = hook_of(place, jobs_dir) if hook else None
    fates = {".git": scaffold.Fate.WRITTEN} if is_new else {}
    fates |= {relpath(file.path, folder): scaffold.write(file, force=force) for file in files}
    if git_hook is not None:
        fates[relpath(git_hook.path, place)] = scaffold.write(git_hook)
    if unit is not None:
        fates[str(unit.path)] = scaffold.write(unit, force=force)
    if app.json:
        app.print_json({"folder": str(place), "files": fates})
        return
    hook_path = git_hook and relpath(git_hook.path, place)
    for path, fate in fates.items():
        how = f"let it run `{COMMAND}`" if path == hook_path else "--force replaces it"
        note = f"  (differs from ours; {how})" if fate is scaffold.Fate.SKIPPED else ""
        app.print(f"{fate:<9}  {path}{note}")
    repository = repository_around(place)
    if repository is not None:
        app.print()
        app.print(
            f"This folder is inside the git repository {repository}, whose hooks and workflows are read"
        )
        app.print("there alone: move .github/ and .pre-commit-config.yaml up, and adapt the paths in them.")
    if from_where == PROGRAM_WHEEL and fates.get(_WORKFLOW) is scaffold.Fate.WRITTEN:
        app.print()
        app.print(f"{_WORKFLOW} installs {PROGRAM_WHEEL}:")
        app.print("put the wheel there, or name in its place where pip can get jeeves-runner.")
    app.print()
    app.print("Next:")
    if place != here:
        app.print(f"  cd {shlex.quote(os.fspath(folder))}")
    steps = list(_next(place, has_hook=hook, has_unit=systemd))
    width = max(len(words) for words, _ in steps)
    for words, why in steps:
        app.print(f"  {words:<{width}}  # {why}")


def _next(place: Path, *, has_hook: bool, has_unit: bool) -> Iterator[tuple[str, str]]:
    """The commands that may come now, each with what it does."""
    yield "jeeves-runner validate", "check the manifests"
    if is_top(place) or repository_around(place) is not None:
        if not has_hook:
            yield "jeeves-runner init --hook", "check what is staged before each commit, or"
            yield "pre-commit install", "the same by pre-commit, in a folder that no server watches"
    else:
        yield "jeeves-runner init --git", "keep them in git; --hook checks what is staged"
    if not has_unit:
        yield "jeeves-runner serve", "run them, and apply each change as you save it"
    else:
        yield "systemctl --user daemon-reload", "let systemd read the unit"
        yield f"systemctl --user enable --now {name_of(place)}", "start it, now and at each login"
        yield "loginctl enable-linger", "start it with the machine, and not only at your login"


def _jobs_dir(folder: Path) -> str:
    """The jobs folder that a config in ``folder`` names, else the usual one; ConfigError if it is broken."""
    from jeeves_runner.config import load_config
    from jeeves_runner.config_path import FILE_NAME

    path = folder / FILE_NAME
    if not os.path.isfile(path):  # noqa: PTH113 - is_file() raises where one may not look
        return scaffold.JOBS_DIR
    return Path(relpath(load_config(folder, path).jobs_dir, folder)).as_posix()
