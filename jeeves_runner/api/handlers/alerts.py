"""The handlers of alerts: what is wrong and what is said of it, and messages on trial."""

from functools import partial

from aiohttp import web

from jeeves_runner.api.handlers.acting import write
from jeeves_runner.api.requests.alerts import AlertsQuery, TestBody
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.core.alerts.channels import FORMS, check_channel
from jeeves_runner.db import alerting
from jeeves_runner.errors import InvalidValue
from jeeves_runner.views.alerts import alerts_view, message_view


async def alerts(call: Call[Nothing, AlertsQuery, Nothing]) -> web.Response:
    query = call.query
    return await call.answer(
        lambda conn, now: alerts_view(
            conn,
            now,
            all_of_them=query.all,
            before_incident=query.before_incident,
            before_message=query.before_message,
            limit=query.limit,
        )
    )


async def test_channel(call: Call[Nothing, Nothing, TestBody]) -> web.Response:
    """It answers once the message is asked for; whether it arrives, the list of messages tells."""
    services, channel = call.services, call.body.channel
    if channel is None:
        raise InvalidValue("channel is missing", hint=f"give {FORMS}")
    check_channel(channel, services.config.notifications.channels)
    message_id = await write(services, partial(alerting.test, channel=channel))
    return await call.show(message_view(services.conn, message_id), 202)
