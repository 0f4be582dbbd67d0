"""Incidents and messages as rows of tables, made of the documents of ``views``."""

from datetime import datetime
from typing import TYPE_CHECKING, Final

from jeeves_runner.cli.context import App
from jeeves_runner.cli.formats import NONE, ago, counted, shortened
from jeeves_runner.cli.tables import Prose
from jeeves_runner.cli.terminal import Cell, Styled
from jeeves_runner.clock import to_text
from jeeves_runner.core.alerts.words import SUBJECTS
from jeeves_runner.db.told_channels import told_channels
from jeeves_runner.errors import ConfigError

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.db.incident_list import IncidentRow
    from jeeves_runner.db.message_list import MessageRow

INCIDENT_HEADERS: Final = ("CAUSE", "OF", "SINCE", "TIMES", Prose("WHAT"), Prose("TOLD"))
MESSAGE_HEADERS: Final = ("CHANNEL", "SAYS", "OF", "SINCE", "STATE", Prose("NOTE"))

_FEW: Final = 5


def incident_cells(incident: "IncidentRow", now: datetime) -> tuple[Cell, ...]:
    """A row under ``INCIDENT_HEADERS``."""
    from jeeves_runner.views.attention import incident_of

    is_over = incident["closed_at"] is not None
    return (
        incident["cause"] if is_over else Styled(incident["cause"], "red"),
        incident_of(incident),
        ago(incident["opened_at"], now),
        str(incident["count"]),
        shortened(incident["what"] or NONE),
        f"{incident['closed_by']} {ago(incident['closed_at'], now)}" if is_over else told_text(incident, now),
    )


def told_text(incident: "IncidentRow", now: datetime) -> str:
    """Whether people know of it, where and since when; or why they do not."""
    from jeeves_runner.views.attention import said, told_parts

    return said(told_parts(incident), lambda text: ago(text, now))


def message_cells(message: "MessageRow", now: datetime) -> tuple[Cell, ...]:
    """A row under ``MESSAGE_HEADERS``."""
    of = message["job_id"] or message["subject"] or SUBJECTS.get(message["cause"], NONE)
    says = message["said"] if message["cause"] is None else f"{message['said']} {message['cause']}"
    state, note = _state(message, now)
    return message["channel"], says, of, ago(message["created_at"], now), state, note


def _state(message: "MessageRow", now: datetime) -> tuple[Cell, str]:
    at = ago(message["finished_at"], now)
    match message["status"]:
        case "sent":
            if message["error"] is not None:
                return Styled("sent", "yellow"), f"{at}: {message['error']}"
            return Styled("sent", "green"), at
        case "failed":
            return Styled("failed", "red"), f"{at}: {message['error']}"
    # What is due by now goes once its channel takes it up, which may rest.
    later = ago(message["not_before"], now) if (message["not_before"] or "") > to_text(now) else None
    if not message["tries"]:
        return "waits", "for its turn" if later is None else f"goes {later}"
    tries = counted(message["tries"], "try", "tries")
    return Styled("waits", "yellow"), f"{tries}, the next {later or 'in its turn'}; {message['error']}"


def where_told(conn: "apsw.Connection", app: App) -> str:
    """Where messages would go, in a sentence."""
    try:
        default = app.settings.notifications.default_on_failure
    except ConfigError:  # within a run whose config is elsewhere
        default = ()
    channels = list(dict.fromkeys([*default, *told_channels(conn).on_failure]))
    if not channels:
        return (
            "No alert would be sent: set `notifications.default_on_failure` in the config,"
            " or `on_failure` in manifests."
        )
    more = f" and {len(channels) - _FEW} more" if len(channels) > _FEW else ""
    return f"Messages go to {', '.join(channels[:_FEW])}{more}."
