"""``init``: make a project that runs, in an empty folder or among files that are there."""

import os
import shlex
from os.path import relpath
from pathlib import Path

import click

from jeeves_runner.cli import scaffold
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.git_hook import COMMAND, hook_of
from jeeves_runner.config import config_schema
from jeeves_runner.schemas_text import manifest_schema


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--force",
    is_flag=True,
    help="Replace files that are there and differ, with all that was written into them.",
)
@click.option(
    "--hook", is_flag=True, help="Install a git hook that checks what is staged before each commit."
)
@json_option
@pass_app
def command(app: App, folder: Path, force: bool, hook: bool) -> None:
    """Make a project in DIR (by default here): config, an example job, CI and editor support.

    A file that is there already is left as it is, so this can be repeated: after an upgrade it
    renews the schemas. A .gitignore gets the lines it lacks. A git hook is never replaced.
    """
    here = app.here
    place = Path(os.path.realpath(folder))
    schemas = {scaffold.MANIFEST_SCHEMA: manifest_schema(), scaffold.CONFIG_SCHEMA: config_schema()}
    jobs_dir = scaffold.JOBS_DIR if force else _jobs_dir(place)
    files = list(scaffold.project_files(folder, schemas, jobs_dir))
    scaffold.refuse_obstacles(files)
    git_hook = hook_of(place, jobs_dir) if hook else None
    fates = {relpath(file.path, folder): scaffold.write(file, force=force) for file in files}
    if git_hook is not None:
        fates[relpath(git_hook.path, place)] = scaffold.write(git_hook)
    if app.json:
        app.print_json({"folder": str(place), "files": fates})
        return
    hook_path = git_hook and relpath(git_hook.path, place)
    for path, fate in fates.items():
        how = f"let it run `{COMMAND}`" if path == hook_path else "--force replaces it"
        note = f"  (differs from ours; {how})" if fate is scaffold.Fate.SKIPPED else ""
        app.print(f"{fate:<9}  {path}{note}")
    repository = _repository_around(place)
    if repository is not None:
        app.print()
        app.print(
            f"This folder is inside the git repository {repository}, whose hooks and workflows are read"
        )
        app.print("there alone: move .github/ and .pre-commit-config.yaml up, and adapt the paths in them.")
    app.print()
    app.print("Next:")
    if place != here:
        app.print(f"  cd {shlex.quote(os.fspath(folder))}")
    app.print("  jeeves-runner validate    # check the manifests")
    if git_hook is None and (repository is not None or os.path.lexists(place / ".git")):
        app.print("  jeeves-runner init --hook # check what is staged before each commit")
    app.print("  jeeves-runner serve       # run them, and apply each change as you save it")


def _jobs_dir(folder: Path) -> str:
    """The jobs folder that a config in ``folder`` names, else the usual one; ConfigError if it is broken."""
    from jeeves_runner.config import FILE_NAME, load_config

    path = folder / FILE_NAME
    if not os.path.isfile(path):  # noqa: PTH113 - is_file() raises where one may not look
        return scaffold.JOBS_DIR
    return Path(relpath(load_config(folder, path).jobs_dir, folder)).as_posix()


def _repository_around(folder: Path) -> Path | None:
    """The git repository that a folder lies in; None if there is none, or the folder is its top."""
    if os.path.lexists(folder / ".git"):
        return None
    return next((above for above in folder.parents if os.path.lexists(above / ".git")), None)
