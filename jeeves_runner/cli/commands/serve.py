"""``serve``: the runner itself, in the foreground."""

import click

from jeeves_runner.cli import exits
from jeeves_runner.cli.context import App, pass_app
from jeeves_runner.cli.streams import give_up_broken_streams
from jeeves_runner.errors import ConfigError, JeevesError


@click.command("serve")
@click.option("--paused", is_flag=True, help="Pause all jobs first: nothing runs until `resume --all`.")
@pass_app
def command(app: App, paused: bool) -> None:
    """Run the jobs, watch the manifests, answer HTTP.

    Stops on SIGTERM or Ctrl-C, after running jobs have ended or `shutdown_grace` has passed. On SIGHUP
    it looks at the manifests now.
    """
    from jeeves_runner.runner.logging_setup import flush_log

    try:
        _serve(app, paused)
    finally:
        flush_log()
        give_up_broken_streams()  # the error that ends it is told after this


def _serve(app: App, paused: bool) -> None:
    import asyncio  # with the service, half a second: too long for `serve --help` and Tab

    from jeeves_runner.reconcile.setup import source_of
    from jeeves_runner.runner.logging_setup import lines_for_people, set_up_logging
    from jeeves_runner.runner.short_turns import short_turns
    from jeeves_runner.server_process import serve

    config = app.config
    try:
        set_up_logging(config.log, folder_mode=config.folder_mode)
    except OSError as error:
        raise ConfigError(
            f"the log file {config.log.file} cannot be written: {error.strerror}",
            hint="let log.file name a file this user may write, or leave it out to log to standard error",
        ) from None
    lines = lines_for_people()

    def ready(url: str) -> None:
        lines.say(f"jeeves-runner answers on {url}")
        lines.say(f"  manifests  {source_of(config).identity.location}")
        lines.say(f"  database   {config.db_path}")
        if paused:
            lines.say("  all jobs are paused until `jeeves-runner resume --all`")
        lines.say("  stop it with Ctrl-C; look at it with `jeeves-runner status`")

    try:
        with asyncio.Runner(loop_factory=short_turns) as loop:
            loop.run(serve(config, app.clock, paused=paused, ready=ready, exit_code=code_after))
    finally:
        lines.flush()


def code_after(fault: BaseException | None) -> int:
    """The exit code of a server that has stopped for ``fault``, or because it was told to."""
    if fault is None:
        return exits.OK
    return exits.exit_code(fault) if isinstance(fault, JeevesError) else exits.UNEXPECTED
