"""``backup`` and ``restore``: all of the database in one file, and back again."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jeeves_runner.cli.context import App, pass_app
from jeeves_runner.cli.formats import ago, counted

if TYPE_CHECKING:
    from jeeves_runner.db.backups import BackupContents


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Take the place of the backup that FILE is by now.")
@pass_app
def backup(app: App, file: Path, replace: bool) -> None:
    """Write all of the database into FILE, while everything goes on.

    jeeves-runner backup /mnt/backups/runner-$(date +%F).sqlite
    """
    from jeeves_runner.db.backups import back_up

    with closing(app.connect()) as conn:
        held = back_up(conn, app.here / file, replace=replace, min_free=app.settings.min_free)
    app.print(f"{file} holds {_contents(app, held)}. All of it was read again and is sound.")
    app.print_paragraph(
        "Not in it: the logs of runs, manifests, scripts, the config, and files of secrets."
        " Keep those in another way."
    )
    if held.secrets:
        app.warn(
            f"it has the secret parameters of {counted(held.secrets, 'run')}: keep it as private as them"
        )


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Put the database that is there aside. Nothing is deleted.")
@click.option("--end-messages", is_flag=True, help="Send no message that waited when the backup was made.")
@click.option("--revoke-tokens", is_flag=True, help="Let no token of the backup count any more.")
@pass_app
def restore(app: App, file: Path, replace: bool, end_messages: bool, revoke_tokens: bool) -> None:
    """Put the backup FILE in the place of the database. The server must be stopped.

    jeeves-runner restore /mnt/backups/runner-2026-02-17.sqlite --replace
    """
    from jeeves_runner.db.restoring import Place, Wishes
    from jeeves_runner.db.restoring import restore as restore_backup
    from jeeves_runner.execute.origin import RunOrigin
    from jeeves_runner.execute.output.log_folders import last_run_of_logs

    config = app.config
    origin = RunOrigin.here(config.db_path)
    place = Place(
        config.db_path,
        config.folder_mode,
        owner_of=lambda number: origin._replace(file=str(number)).as_json(),
        last_log=lambda: last_run_of_logs(str(config.data_dir)),
    )
    wishes = Wishes(replace, end_messages, revoke_tokens)
    done = restore_backup(app.here / file, place, wishes=wishes, by=app.actor, clock=app.clock)
    app.print(f"{config.db_path} holds {_contents(app, done.held)}.")
    if done.aside is not None:
        app.print(f"The database that was there is {done.aside} now.")
    if done.held.messages:
        to_be = "are not sent" if end_messages else "are sent by the next server, maybe once more"
        app.print(f"Messages that waited: {done.held.messages}; they {to_be}.")
    if done.held.tokens:
        to_be = "were revoked" if revoke_tokens else "count again, those revoked since the backup too"
        app.print(f"Tokens: {done.held.tokens}; they {to_be}.")
    app.print_paragraph(
        "What was due since the backup is caught up where `catch_up` says so."
        " `jeeves-runner serve --paused` runs nothing until `jeeves-runner resume --all`."
    )


def _contents(app: App, held: "BackupContents") -> str:
    last = "" if held.last_end is None else f", the last of which ended {ago(held.last_end, app.clock.now())}"
    size = f"{held.size / (1 << 20):.1f} MiB"
    return f"{counted(held.jobs, 'job')} and {counted(held.runs, 'run')}{last} ({size})"
