"""The routes of alerts."""

from typing import Final

from jeeves_runner.api.handlers import alerts
from jeeves_runner.api.route import Audit, Route, act, look
from jeeves_runner.views.alerts import AlertsDocument, MessageDocument

ALERTS: Final[tuple[Route, ...]] = (
    look("/alerts", "What is wrong, and what people are told of it", alerts.alerts, {200: AlertsDocument}),
    act(
        "/alerts/test",
        "Send a message to a channel, to see whether it arrives",
        alerts.test_channel,
        {202: MessageDocument},
        audit=Audit.REQUEST,
    ),
)
