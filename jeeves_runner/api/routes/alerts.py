"""The routes of alerts."""

from typing import Final

from jeeves_runner.api.handlers import alerts
from jeeves_runner.api.route import Audit, Route, act, look
from jeeves_runner.views.alerts import AlertsDocument, MessageDocument

ALERTS: Final[tuple[Route, ...]] = (
    look(
        "/alerts",
        "What is wrong, and what people are told of it",
        alerts.alerts,
        {200: AlertsDocument},
        description=(
            "What is open, and the messages that wait or were given up in the last day on a channel that "
            "has taken none since. With `?all=1` also what is over, and what was sent. Incidents have the "
            "columns of their [table](database.md#incidents), messages those of the "
            "[outbox](database.md#outbox)."
        ),
    ),
    act(
        "/alerts/test",
        "Send a message to a channel, to see whether it arrives",
        alerts.test_channel,
        {202: MessageDocument},
        description=(
            "The message waits to be sent: `GET /alerts?all=1` shows what becomes of it. A channel is "
            "named by its [address](manifest.md#channels); one that the config does not have is answered "
            "with 400."
        ),
        audit=Audit.REQUEST,
    ),
)
