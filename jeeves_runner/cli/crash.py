"""Where the traceback of an unexpected error goes: into the project's log, not over the user's screen."""

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jeeves_runner.clock import to_text

if TYPE_CHECKING:
    from jeeves_runner.cli.context import App

LOG_NAME = "jeeves-runner.log"


def record(error: BaseException, app: "App") -> str:
    """Keep the traceback of ``error`` and say, as a hint for the user, where it is."""
    text = "".join(traceback.format_exception(error))
    try:
        path = app.config.data_dir / "logs" / LOG_NAME
        _append(path, f"{to_text(app.clock.now())} {text}")
    except Exception:  # noqa: BLE001 - a second error must not hide the first
        click.echo(text, err=True)
        return "this is a bug; please report it with the traceback above"
    return f"this is a bug; the traceback is in {path}"


def _append(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", errors="backslashreplace") as log:
        log.write(text)
