"""What ``serve`` says besides its log: in the log as well where that is for programs, and nothing but JSON
then."""

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from jeeves_runner.cli.failure import report
from jeeves_runner.errors import ConfigError
from jeeves_runner.runner.log_thread import ThreadHandler
from jeeves_runner.runner.logging_setup import JsonFormatter, handlers

if TYPE_CHECKING:
    from jeeves_runner.cli.context import App
    from jeeves_runner.config import Config, LogConfig

log = logging.getLogger(__name__)

_STANDARD_ERROR: Final = 2


def tell_ready(
    config: "Config", lines: ThreadHandler | None, url: str, manifests: str, *, paused: bool
) -> None:
    """Where the server answers and what it works with: in ``lines``, or without them in the log."""
    if lines is None:
        facts = {"url": url, "manifests": manifests, "database": str(config.db_path), "paused": paused}
        log.info("jeeves-runner answers on %s", url, extra={"facts": facts})
        return
    lines.say(f"jeeves-runner answers on {url}")
    lines.say(f"  manifests  {manifests}")
    lines.say(f"  database   {config.db_path}")
    if paused:
        lines.say("  all jobs are paused until `jeeves-runner resume --all`")
    lines.say("  stop it with Ctrl-C; look at it with `jeeves-runner status`")


def tell_fault(error: Exception, app: "App") -> int | None:
    """Have the error that ends the server in its log; the exit code if a person is not to be told besides."""
    config = _log_config(app)
    if config is None or (config.format == "text" and config.file is None):
        return None  # what a person gets stands beside the log
    code = report(error, app, partial(_tell, as_json=config.format == "json"))
    return code if config.format == "json" else None


def _log_config(app: "App") -> "LogConfig | None":
    """Also of a file that is wrong elsewhere; None of one that cannot be read."""
    try:
        app.forgive_config()
    except ConfigError:
        return None
    return app.settings.log


def _tell(message: str, hint: str | None, code: str, *, as_json: bool) -> None:
    facts = {"code": code, **({"hint": hint} if hint else {})}
    text = message if as_json or not hint else f"{message} ({hint})"
    record = log.makeRecord(log.name, logging.ERROR, __file__, 0, "%s", (text,), None, extra={"facts": facts})
    logs = handlers()
    if as_json and not any(each.writes_to(_STANDARD_ERROR) for each in logs):
        beside = ThreadHandler(_STANDARD_ERROR)
        beside.setFormatter(JsonFormatter())
        logs.append(beside)
    for each in logs:
        each.handle(record)
        each.flush()
