"""``init``: make a project that runs, in an empty folder or among files that are there."""

import os
import shlex
from os.path import relpath
from pathlib import Path

import click

from jeeves_runner.cli import scaffold
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.config import config_schema
from jeeves_runner.schemas_text import manifest_schema


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--force",
    is_flag=True,
    help="Replace files that are there and differ, with all that was written into them.",
)
@json_option
@pass_app
def command(app: App, folder: Path, force: bool) -> None:
    """Make a project in DIR (by default here): config, an example job, CI and editor support.

    A file that is there already is left as it is, so this can be repeated: after an upgrade it
    renews the schemas. A .gitignore gets the lines it lacks.
    """
    here = app.here
    place = Path(os.path.realpath(folder))
    schemas = {scaffold.MANIFEST_SCHEMA: manifest_schema(), scaffold.CONFIG_SCHEMA: config_schema()}
    jobs_dir = scaffold.JOBS_DIR if force else _jobs_dir(place)
    files = list(scaffold.project_files(folder, schemas, jobs_dir))
    scaffold.refuse_obstacles(files)
    fates = {relpath(file.path, folder): scaffold.write(file, force=force) for file in files}
    if app.json:
        app.print_json({"folder": str(place), "files": fates})
        return
    for path, fate in fates.items():
        note = "  (differs from ours; --force replaces it)" if fate is scaffold.Fate.SKIPPED else ""
        app.print(f"{fate:<9}  {path}{note}")
    if (repository := _repository_around(place)) is not None:
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
