"""The gateways of these tests: the double, or for tests of it one that ``OPENCLAW_GATEWAY_URL`` names."""

import os
from collections.abc import Iterator

import pytest
from support.gateway import Double, Settings, double
from support.gateway.wire import Wire, wire_to


@pytest.fixture(scope="module")
def shared() -> Iterator[Double]:
    """Its clock is twenty times as fast as ours. A module may have another one."""
    with double(Settings(speed=20)) as far:
        yield far


@pytest.fixture
def far(shared: Double) -> Iterator[Double]:
    """The same, as if it had not been asked anything before; its faults end with the test."""
    shared.forget()
    yield shared
    shared.switch_off()


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
