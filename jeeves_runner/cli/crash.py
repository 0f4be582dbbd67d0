"""Where the traceback of an unexpected error goes: into the project's log, not over the user's screen."""

import traceback
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from jeeves_runner.clock import to_text

if TYPE_CHECKING:
    from jeeves_runner.cli.context import App

LOG_NAME = "jeeves-runner.log"


def record(error: BaseException, app: "App") -> str:
    """Keep the traceback of ``error`` and say, as a hint for the user, where it is."""
    text = f"{to_text(app.clock.now())} {''.join(traceback.format_exception(error))}"
    try:
        path = app.config.data_dir / "logs" / LOG_NAME
        _append(path, text)
    except Exception:  # noqa: BLE001 - a second error must not hide the first
        return _record_elsewhere(text)
    return f"this is a bug; the traceback is in {path}"


def _record_elsewhere(text: str) -> str:
    """Where the log cannot be written: the disk is full, or the config is what is broken."""
    try:
        with NamedTemporaryFile(
            "w", encoding="utf-8", prefix="jeeves-runner-", suffix=".log", delete=False
        ) as log:
            log.write(text)
    except OSError:
        return f"this is a bug; its traceback could be written nowhere, and ends:\n{text.splitlines()[-1]}"
    return f"this is a bug; the traceback is in {log.name}"


def _append(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", errors="backslashreplace") as log:
        log.write(text)
