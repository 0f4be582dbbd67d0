"""A service manager's end of sd_notify(3): a socket that is told how a service fares."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Manager:
    """What a service has told, message by message. ``address`` is what ``NOTIFY_SOCKET`` holds."""

    def __init__(self, received: socket.socket, address: str) -> None:
        self._received = received
        self.address = address

    def told(self, patience: float = 60.0) -> list[str]:
        """The assignments of the next message; TimeoutError if none comes within these seconds."""
        self._received.settimeout(patience)
        return self._received.recv(4096).decode().split("\n")

    def is_told_nothing(self, but: str, seconds: float) -> bool:
        """Whether for this long no message comes; what has come before and is this one counts for nothing."""
        try:
            while self.told(seconds) == [but]:
                pass
        except TimeoutError:
            return True
        return False

    def told_besides(self, other: str) -> list[str]:
        """The next message that is not this one."""
        while (message := self.told()) == [other]:
            pass
        return message


@contextmanager
def manager(folder: Path | None) -> Iterator[Manager]:
    """One whose socket is in this folder, or in the abstract namespace, which is no file."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as received:
        if folder is None:
            received.bind("")  # the system chooses a name
            address = "@" + received.getsockname()[1:].decode()
        else:
            address = str(folder / "notify")
            received.bind(address)
        yield Manager(received, address)
