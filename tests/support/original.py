"""Answers of the original, version 0.10.1: each request with what came back."""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

_FILE: Final = Path(__file__).parents[1] / "data" / "original-0.10.1.jsonl"


class Recorded(NamedTuple):
    """One request and its answer."""

    method: str
    """The method."""
    target: str
    """Path and query."""
    sent: object
    """The body: None for none, a text as it was sent, other values as JSON."""
    status: int
    """The status of the answer."""
    kind: str
    """Its ``Content-Type``."""
    body: Any
    """Its document."""

    @property
    def request(self) -> str:
        """Method and target."""
        return f"{self.method} {self.target}"

    @property
    def content(self) -> tuple[bytes | None, dict[str, str]]:
        """The body as it goes out, and its header."""
        if self.sent is None:
            return None, {}
        if not isinstance(self.sent, str):
            return json.dumps(self.sent).encode(), {"Content-Type": "application/json"}
        kind = "text/plain" if self.sent == "x=1" else "application/json"
        return self.sent.encode(), {"Content-Type": kind}


def recorded() -> list[Recorded]:
    """All of them, in their order."""
    lines = _FILE.read_text("utf-8").splitlines()
    return [_of(json.loads(line)) for line in lines]


def _of(line: dict[str, Any]) -> Recorded:
    method, _, target = line["req"].partition(" ")
    return Recorded(method, target, line["in"], line["code"], line["ct"], line["body"])
