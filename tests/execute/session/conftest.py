"""The gateway of these tests: the double, or a real one where ``OPENCLAW_GATEWAY_URL`` names it."""

import os
from collections.abc import Iterator

import pytest
from support.gateway import Settings, double
from support.gateway.wire import Wire, wire_to


@pytest.fixture
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    """Requests to the gateway. A number as parameter is the speed of the double."""
    url = os.environ.get("OPENCLAW_GATEWAY_URL")
    if url is not None:
        with wire_to(url, os.environ.get("OPENCLAW_GATEWAY_TOKEN", ""), speed=1) as wire:
            yield wire
            wire.cancel_all()
            wire.cancel_all(wire.second)
        return
    speed = getattr(request, "param", 10)
    with double(Settings(speed=speed)) as gateway, wire_to(gateway.url, gateway.token, speed=speed) as wire:
        yield wire
