"""``serve``: the runner itself, in the foreground."""

import logging

import click

from jeeves_runner.cli import exits
from jeeves_runner.cli.context import App, pass_app
from jeeves_runner.cli.formats import duration
from jeeves_runner.cli.streams import give_up_broken_streams
from jeeves_runner.errors import ConfigError, JeevesError

log = logging.getLogger(__name__)


@click.command("serve")
@click.option("--paused", is_flag=True, help="Pause all jobs first: nothing runs until `resume --all`.")
@pass_app
def command(app: App, paused: bool) -> int:
    """Run the jobs, watch the manifests, answer HTTP.

    Stops on SIGTERM or Ctrl-C, after running jobs have ended or `shutdown_grace` has passed. On SIGHUP
    it looks at the manifests now.
    """
    from jeeves_runner.cli.server_log import tell_fault
    from jeeves_runner.runner.logging_setup import flush_log

    try:
        _serve(app, paused)
    except Exception as error:
        code = tell_fault(error, app)
        if code is None:
            raise
        return code
    finally:
        flush_log()
        give_up_broken_streams()  # the error that ends it is told after this
    return exits.OK


def _serve(app: App, paused: bool) -> None:
    import asyncio  # with the service, half a second: too long for `serve --help` and Tab

    from jeeves_runner.cli.server_log import tell_ready
    from jeeves_runner.reconcile.setup import source_of
    from jeeves_runner.runner.logging_setup import lines_for_people, log_what_python_says, set_up_logging
    from jeeves_runner.runner.short_turns import short_turns
    from jeeves_runner.server_process import serve

    config = app.project
    try:
        set_up_logging(config.log, folder_mode=config.folder_mode)
    except OSError as error:
        raise ConfigError(
            f"the log file {config.log.file} cannot be written: {error.strerror}",
            hint="let log.file name a file this user may write, or leave it out to log to standard error",
        ) from None
    log_what_python_says()
    began = app.clock.monotonic()
    lines = None if config.log.format == "json" else lines_for_people()

    def ready(url: str) -> None:
        tell_ready(config, lines, url, source_of(config).identity.location, paused=paused)

    try:
        with asyncio.Runner(loop_factory=short_turns) as loop:
            loop.run(serve(config, app.clock, paused=paused, ready=ready, exit_code=code_after))
    finally:
        if lines is not None:
            lines.flush()
    log.info("stopped after %s", duration(round((app.clock.monotonic() - began) * 1000)))


def code_after(fault: BaseException | None) -> int:
    """The exit code of a server that has stopped for ``fault``, or because it was told to."""
    if fault is None:
        return exits.OK
    return exits.exit_code(fault) if isinstance(fault, JeevesError) else exits.UNEXPECTED
