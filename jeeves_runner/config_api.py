"""The settings of the way in over HTTP: where the server listens, and whom it believes."""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlsplit

from jeeves_runner.config_kinds import Text
from jeeves_runner.config_secrets import BaseUrl
from jeeves_runner.config_settings import Given, Kind, Place, wrong_value
from jeeves_runner.core.problem import Finding
from jeeves_runner.core.wording import brief

Network = IPv4Network | IPv6Network

LOCALHOST: Final = "localhost"


def is_loopback_host(host: str) -> bool:
    """Whether a server that listens at this ``host`` of the config is reached from this machine alone."""
    return host == LOCALHOST or ip_address(host).is_loopback


class Host(Text):
    """An address to listen on."""

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        try:
            is_loopback_host(written)
        except ValueError:
            message = f"`{'.'.join(place)}` must be an address of this machine, not {brief(written)}"
            yield wrong_value(place, message, "such as 127.0.0.1, 192.168.1.5, or 0.0.0.0 for all of them")


class Networks(Kind):
    """A list of addresses and networks: ``10.0.0.1``, ``192.168.0.0/16``, ``::1``."""

    def __init__(self, meaning: str) -> None:
        one = {"type": "string", "minLength": 1, "x-expected": "an address or a network"}
        super().__init__(meaning, {"type": "array", "items": one}, "a list of addresses such as [127.0.0.1]")

    def read(self, written: Any, root: Path) -> tuple[Network, ...]:
        return tuple(ip_network(text) for text in written)

    def written(self, value: Any) -> Any:
        return list(self.shown(value))

    def shown(self, value: Any) -> Any:
        return tuple(_text(network) for network in value)

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        for number, text in enumerate(written):
            try:
                ip_network(text)
            except ValueError as error:
                message = (
                    f"`{'.'.join(place)}` has {brief(text)}, which is no address and no network: {error}"
                )
                yield wrong_value((*place, number), message, "write 10.0.0.1, 192.168.0.0/16 or ::1")


def _text(network: Network) -> str:
    return str(network.network_address) if network.num_addresses == 1 else str(network)


class PublicUrl(BaseUrl):
    """Where people reach the server."""

    def warnings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        yield from super().warnings(place, written, given)
        if path := urlsplit(written).path.strip("/"):
            message = f"`{'.'.join(place)}` has a path: pages of the dashboard do not work below /{path}"
            yield wrong_value(place, message, "give it a host name of its own; programs can use such a path")


class ApiConfig(NamedTuple):
    """How people reach the HTTP API."""

    public_url: Annotated[
        str | None,
        PublicUrl("Where people reach this server, for links in messages.", "https://jobs.example.org"),
    ] = None
    """None: where it listens."""
    trusted_proxies: Annotated[
        tuple[Network, ...],
        Networks("The proxies whose word counts on who asks, and whether by https."),
    ] = ()
