"""Clients that mean no good, or do not know better: what they send to a server, and what comes back.

``python -m support.http_attacks HOST PORT SECONDS`` plays all of them, again and again, in a process of its
own, and prints as JSON what was answered wrongly. It must not take the interpreter of the server.
"""

import gzip
import json
import re
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Final

PATIENCE: Final = 20.0
IDLE: Final = 2000
_SILENCE: Final = 0.3
_SLOW: Final = 40
_PIPELINED: Final = 300
_JSON: Final = "Content-Type: application/json"
_CLOSE: Final = "Connection: close"
_POST: Final = "POST /jobs/tick/run HTTP/1.1"
_HIDDEN: Final = b"GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n"
"""A request that stands in what another one has as its body."""

_MADE_OF_IT: Final = b'{"status":"ok"}'
"""What it would be answered."""


def _request(*lines: str, body: bytes = b"", end: str = "\r\n") -> bytes:
    head = [lines[0], "Host: HOST", *lines[1:]]
    return (end.join(head) + end * 2).encode("latin-1") + body


def _posted(body: bytes, *lines: str) -> bytes:
    return _request(_POST, _JSON, _CLOSE, f"Content-Length: {len(body)}", *lines, body=body)


def smuggling() -> Mapping[str, bytes]:
    """Requests that two readers may take apart in two ways."""
    length = f"Content-Length: {len(_HIDDEN)}"
    chunked = "Transfer-Encoding: chunked"
    chunks = b"0\r\n\r\n" + _HIDDEN
    return {
        "a length and chunks": _request(_POST, "Content-Length: 5", chunked, body=chunks),
        "chunks and a length": _request(_POST, chunked, length, body=chunks),
        "two lengths": _request(_POST, "Content-Length: 0", length, body=_HIDDEN),
        "two lengths in one": _request(_POST, f"Content-Length: 0, {len(_HIDDEN)}", body=_HIDDEN),
        "a length with a sign": _request(_POST, f"Content-Length: +{len(_HIDDEN)}", body=_HIDDEN),
        "a negative length": _request(_POST, "Content-Length: -1", body=_HIDDEN),
        "a length in hexadecimal": _request(_POST, "Content-Length: 0x10", body=_HIDDEN),
        "a length with an underscore": _request(_POST, "Content-Length: 1_0", body=_HIDDEN),
        "an unknown encoding": _request(_POST, "Transfer-Encoding: xchunked", body=chunks),
        "chunks that are not last": _request(_POST, "Transfer-Encoding: chunked, identity", body=chunks),
        "an encoding with a tab": _request(_POST, "Transfer-Encoding:\x0bchunked", body=chunks),
        "a space before the colon": _request(_POST, f"Content-Length : {len(_HIDDEN)}", body=_HIDDEN),
        "a folded line": _request(_POST, "X-A: b", f" {length}", body=_HIDDEN),
        "a folded first line": _request(_POST, " X-A: b", length, body=_HIDDEN),
        "a line that ends by LF": _request(_POST, f"X-A: b\n{length}", body=_HIDDEN),
        "a line that ends by CR": _request(_POST, f"X-A: b\r{length}", body=_HIDDEN),
        "lines that end by LF": _request(_POST, length, body=_HIDDEN, end="\n"),
        "a NUL in a header": _request(_POST, f"X-A: b\0{length}", body=_HIDDEN),
        "a header without a name": _request(_POST, ": b", length, body=_HIDDEN),
        "a chunk of a negative size": _request(_POST, _JSON, chunked, body=b"-1\r\n\r\n" + _HIDDEN),
        "a chunk of a huge size": _request(_POST, _JSON, chunked, body=b"f" * 40 + b"\r\n" + _HIDDEN),
        "a chunk without its end": _request(_POST, _JSON, chunked, body=b"2\r\n{}xx0\r\n\r\n" + _HIDDEN),
        "a chunk with a long extension": _request(_POST, _JSON, chunked, body=b"2;" + b"a" * 70_000),
    }


def bodies() -> Mapping[str, bytes]:
    """Bodies that are none of what a route takes."""
    return {
        "more than a megabyte": _posted(b'{"params":{"a":"' + b"x" * (1 << 21) + b'"}}'),
        "a megabyte by chunks": _request(
            _POST, _JSON, "Transfer-Encoding: chunked", body=(b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 40
        ),
        "deep lists": _posted(b'{"params":' + b"[" * 200_000),
        "deep objects": _posted(b'{"a":' * 100_000),
        "NaN": _posted(b'{"params":{"a":NaN}}'),
        "infinity": _posted(b'{"params":{"a":1e999}}'),
        "a number of many digits": _posted(b'{"params":{"a":' + b"9" * 500_000 + b"}}"),
        "no UTF-8": _posted(b'{"params":{"a":"\xff\xfe"}}'),
        "half a character": _posted(b'{"force":"\\ud800"}'),
        "a list": _posted(b"[1]"),
        "a key twice": _posted(b'{"force":true,"force":false}'),
        "an unknown key": _posted(b'{"' + b"k" * 1000 + b'":1}'),
        "many keys": _posted(b"{" + b",".join(b'"%d":1' % n for n in range(70_000)) + b"}"),
        "a form": _request(_POST, "Content-Type: text/plain", "Content-Length: 2", body=b"{}"),
        "a body that is zipped wrongly": _posted(b"{}", "Content-Encoding: gzip"),
        "a body that grows": _posted(gzip.compress(b" " * (64 << 20)), "Content-Encoding: gzip"),
        "another expectation": _posted(b"{}", "Expect: the-impossible"),
    }


def places() -> Mapping[str, bytes]:
    """What is nowhere."""
    paths = [
        "/runs?limit=abc", "/runs?limit=-1", "/runs?limit=0", "/runs?limit=1e3", "/runs?limit=99999999999",
        "/runs?limit=%D9%A3", "/runs?limit=1&limit=2", "/runs?before=" + "9" * 4000, "/runs?x=1",
        "/runs?status=%00", "/runs/0", "/runs/-1", "/runs/abc", "/runs/99999999999999999999", "/runs/%00",
        "/jobs/nope",
        "/jobs/..%2f..%2fetc%2fpasswd", "/jobs/%ff%fe", "/jobs/" + "a" * 4000, "/queues/nope/status",
        "/schedule?from=tomorrow-ish", "/jobs/tick/why?at=%F0%9F%98%80", "//", "/../etc/passwd", "/%2e%2e/x",
        "/runs?limit=%zz",
    ]  # fmt: skip
    return {path[:60]: _request(f"GET {path} HTTP/1.1", _CLOSE) for path in paths}


def heads() -> Mapping[str, bytes]:
    """Heads that are too much, or none at all."""
    many = [f"X-{n}: 1" for n in range(20_000)]
    return {
        "a long target": _request("GET /" + "a" * 100_000 + " HTTP/1.1"),
        "a long query": _request("GET /runs?a=" + "%41" * 60_000 + " HTTP/1.1"),
        "a long header": _request("GET /runs HTTP/1.1", "X-A: " + "b" * 1_000_000),
        "many headers": _request("GET /nope HTTP/1.1", *many),
        "many tags": _request("GET /nope HTTP/1.1", "If-None-Match: " + '"a",' * 1500),
        "many preferences": _request("GET /nope HTTP/1.1", "Prefer: " + "a," * 3500),
        "many cookies": _request("GET /nope HTTP/1.1", "Cookie: " + "a=b;" * 1800),
        "quotes without an end": _request("GET /nope HTTP/1.1", 'Prefer: "' + '\\"' * 3500),
        "many tokens": _request("GET /runs HTTP/1.1", *["Authorization: Bearer x"] * 50),
        "no text": _request("GET /nope HTTP/1.1", "Authorization: Bearer \xff\xfe", "Cookie: jr=\xff"),
        "an unknown method": _request("FOO / HTTP/1.1"),
        "another version": _request("GET / HTTP/9.9"),
        "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
        "zeros": b"\0" * 10_000 + b"\r\n\r\n",
        "PRI": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "CONNECT": _request("CONNECT example.com:80 HTTP/1.1"),
        "another host": b"GET /runs HTTP/1.1\r\nHost: example.com\r\n\r\n",
        "two hosts": _request("GET /runs HTTP/1.1", "Host: example.com"),
    }


ALL: Final = {"smuggling": smuggling, "bodies": bodies, "places": places, "heads": heads}
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


class Attacker:
    """Sends all of it to one server."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._host = f"{host}:{port}".encode()
        self.faults: list[str] = []
        self.sent = 0

    def connect(self) -> socket.socket:
        return socket.create_connection(self._address, timeout=PATIENCE)

    def ask(self, request: bytes, silence: float = _SILENCE) -> bytes:
        """What comes back until the server closes. Once it has been silent for a while it hears that no more
        comes. TimeoutError if it does not close then."""
        self.sent += 1
        answer, is_over = b"", False
        with self.connect() as wire, suppress(ConnectionError):
            wire.sendall(request.replace(b"HOST", self._host))
            wire.settimeout(silence)
            while True:
                try:
                    piece = wire.recv(1 << 16)
                except TimeoutError:
                    if is_over:
                        raise
                    wire.shutdown(socket.SHUT_WR)
                    wire.settimeout(PATIENCE)
                    is_over = True
                    continue
                if not piece:
                    break
                answer += piece
        return answer

    def play(self, subject: str) -> None:
        """Note each answer that is neither a problem nor a closed connection."""
        for name, request in ALL[subject]().items():
            try:
                answer = self.ask(request)
            except TimeoutError:
                self.faults.append(f"{subject}: {name}: neither answered nor closed")
                continue
            if fault := _fault(answer):
                self.faults.append(f"{subject}: {name}: {fault}: {answer[:300]!r}")

    def play_slow(self, seconds: float) -> None:
        """Heads and bodies that come byte by byte; those who send them are not answered, and end."""
        begin = time.monotonic()
        request = _posted(b'{"force": true}' * 10).replace(b"HOST", self._host)
        with ExitStack() as stack:
            wires = [stack.enter_context(self.connect()) for _ in range(_SLOW)]
            for byte in request:
                if time.monotonic() - begin > seconds:
                    return
                for wire in wires:
                    with suppress(OSError):
                        wire.send(bytes([byte]))
                time.sleep(0.02)

    def play_idle(self) -> None:
        """As many connections as the system gives, of which none says anything; the server still answers."""
        with ExitStack() as stack:
            for _ in range(IDLE):
                stack.enter_context(self.connect())
            answer = self.ask(_request("GET /healthz HTTP/1.1", _CLOSE), PATIENCE)
            if b" 200 OK\r\n" not in answer:
                self.faults.append(f"beside idle connections: {answer[:300]!r}")

    def play_pipelined(self) -> None:
        """Requests in one go: each is answered, in their order."""
        asked = [_request(f"GET {path} HTTP/1.1") for path in ("/healthz", "/nope")] * (_PIPELINED // 2)
        answer = self.ask(b"".join(asked))
        found = [int(status) for status in _STATUS.findall(answer)]
        if found != [200, 404] * (_PIPELINED // 2):
            self.faults.append(f"pipelined: {len(found)} answers, {sorted(set(found))}")

    def play_all(self) -> Iterator[str]:
        for subject in ALL:
            self.play(subject)
            yield subject
        self.play_pipelined()
        yield "pipelined"
        self.play_idle()
        yield "idle"
        self.play_slow(2.0)
        yield "slow"


def _fault(answer: bytes) -> str | None:
    """What is wrong with an answer; None for problems of the client's and closed connections."""
    if not answer:
        return None
    statuses = [int(status) for status in _STATUS.findall(answer)]
    if _MADE_OF_IT in answer:
        return "a hidden request was answered"
    if [status for status in statuses if not 400 <= status < 500]:
        return f"answered {statuses}"
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"application/problem+json" not in head:
        return "no problem"
    try:
        json.JSONDecoder().raw_decode(body.decode())
    except ValueError as error:
        return f"no JSON: {error}"
    return None


def main(arguments: Sequence[str]) -> None:
    host, port, seconds = arguments
    attacker = Attacker(host, int(port))
    end = time.monotonic() + float(seconds)
    rounds = 0
    while rounds == 0 or time.monotonic() < end:
        for _ in attacker.play_all():
            pass
        rounds += 1
    print(json.dumps({"faults": attacker.faults, "sent": attacker.sent, "rounds": rounds}))


if __name__ == "__main__":
    main(sys.argv[1:])
