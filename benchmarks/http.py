"""What the server answers to those who look, beside a bare aiohttp handler that returns the same bytes.

Both are processes of their own, which are asked in turns by the same four connections. A figure is the time
per request while all four are busy.
"""

import asyncio
import contextlib
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Final, NamedTuple

import apsw

from benchmarks.corpus import write_project
from benchmarks.measure import Row, ms, process
from jeeves_runner.db.connection import connect

JOBS: Final = 1000
FEW, MANY = 10_000, 1_000_000
ABREAST: Final = 4
_SECONDS: Final = 0.6
_PROGRAM: Final = (sys.executable, "-m", "jeeves_runner")

_BARE: Final = """
import sys
from pathlib import Path
from aiohttp import web

def answer(path):
    body = Path(path).read_bytes()

    async def handler(request):
        return web.Response(body=body, content_type="application/json")

    return handler

app = web.Application()
for path in sys.argv[1:]:
    app.router.add_get("/" + Path(path).name, answer(path))
web.run_app(app, host="127.0.0.1", port=0, access_log=None)
"""

_POLL: Final = """
import socket, sys

host, port = sys.argv[1], int(sys.argv[2])
wire = socket.create_connection((host, port))
request = f"GET {sys.argv[3]} HTTP/1.1\\r\\nHost: {host}:{port}\\r\\n\\r\\n".encode()
while True:
    wire.sendall(request)
    got = b""
    while b"\\r\\n\\r\\n" not in got:
        got += wire.recv(1 << 18)
    head, _, body = got.partition(b"\\r\\n\\r\\n")
    left = int(head.lower().partition(b"content-length:")[2].split()[0]) - len(body)
    while left:
        left -= len(wire.recv(min(left, 1 << 18)))
"""

_FILL: Final = """
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :rows - 1)
INSERT INTO runs (job_id, status, trigger, scheduled_for, created_at, started_at, finished_at, duration_ms,
                  exit_code, revision_id, file, end_seq)
SELECT (SELECT id FROM jobs WHERE rowid = 1 + i % (SELECT count(*) FROM jobs)), iif(i % 10, 'ok', 'error'),
       'schedule', at, at, at, at, 40, iif(i % 10, 0, 1), 1, 'jobs.d/x.yaml', i + 1
FROM (SELECT i, strftime('%Y-%m-%dT%H:%M:%S.000Z', 'now', '-' || (:rows - i) || ' seconds') AS at FROM n)
"""


class Place(NamedTuple):
    """Where a server answers."""

    host: str
    """Its address; of a Unix socket the path."""
    port: int | None
    """Its port; None: it is a Unix socket."""

    @classmethod
    def of(cls, url: str) -> "Place":
        host, _, port = url.partition("://")[2].strip("/ )=\n").rpartition(":")
        return cls(host, int(port))


class Getter(asyncio.Protocol):
    """One open connection that asks for one thing, and counts what comes."""

    def __init__(self, request: bytes, has: bool = False) -> None:
        """``has``: it keeps what it got, as browsers do, and asks whether that still holds."""
        self._request = request
        self._has = has
        self._head = b""
        self._left: int | None = None
        self._body = bytearray()
        self._answered: asyncio.Future[bytes] | None = None
        self._transport: asyncio.WriteTransport

    @classmethod
    async def connect(
        cls, place: Place, path: str, headers: Mapping[str, str], *, has: bool = False
    ) -> "Getter":
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {place.host}:{place.port}" if place.port else "Host: localhost",
        ]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        request = "\r\n".join([*lines, "\r\n"]).encode()
        loop = asyncio.get_running_loop()
        if place.port is None:
            return (await loop.create_unix_connection(lambda: cls(request, has), place.host))[1]
        return (await loop.create_connection(lambda: cls(request, has), place.host, place.port))[1]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._left is None:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            self._left = int(length.group(1)) if length else 0
            self._head = head
        self._left -= len(data)
        if self.keep:
            self._body += data
        if self._left == 0 and self._answered is not None:
            self._left, head, self._head = None, self._head, b""
            if self._has and (tag := re.search(rb"(?i)\r\netag: *([^\r]+)", head)):
                begin = self._request.partition(b"\r\nIf-None-Match")[0].rstrip()
                self._request = begin + b"\r\nIf-None-Match: " + tag.group(1) + b"\r\n\r\n"
            self._answered.set_result(head)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(exc or ConnectionResetError("the server hung up without an answer"))

    keep = False

    async def get(self) -> bytes:
        """Ask; the head of the answer."""
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(self._request)
        return await self._answered

    async def document(self) -> bytes:
        """Ask; the body of the answer."""
        self.keep, self._body = True, bytearray()
        await self.get()
        self.keep = False
        return bytes(self._body)

    def close(self) -> None:
        self._transport.close()


async def _per_request(getters: Sequence[Getter]) -> float:
    """Seconds for each request while all connections are busy."""
    end = perf_counter() + _SECONDS
    count = 0

    async def ask(getter: Getter) -> None:
        nonlocal count
        while perf_counter() < end:
            await getter.get()
            count += 1

    begin = perf_counter()
    await asyncio.gather(*map(ask, getters))
    return (perf_counter() - begin) / count


class Question(NamedTuple):
    """What is measured beside what."""

    what: str
    """In words."""
    place: Place
    """Who is asked."""
    path: str
    """For what."""
    target: float | None
    """How many times as long as the floor it may take."""
    headers: Mapping[str, str] = {}
    """Headers of the request."""
    has: bool = False
    """Whether the clients keep what they got."""


async def _beside(question: Question, bare: Callable[[bytes], Place], rounds: int) -> Row:
    """The row of a question."""
    place, path, headers, has = question.place, question.path, question.headers, question.has
    seen = await Getter.connect(place, path, headers)
    body = b"" if has else await seen.document()
    seen.close()
    floor = bare(body)
    ours = [await Getter.connect(place, path, headers, has=has) for _ in range(ABREAST)]
    theirs = [await Getter.connect(floor, "/body", {}) for _ in range(ABREAST)]
    pairs = [(await _per_request(ours), await _per_request(theirs)) for _ in range(rounds + 1)]
    for each in (*ours, *theirs):
        each.close()
    pairs = pairs[1:]
    ratio = statistics.median(mine / least for mine, least in pairs)
    mine, least = (statistics.median(each) for each in zip(*pairs, strict=True))
    met = None if question.target is None else ratio <= question.target
    return Row(
        what=f"{question.what} ({len(body):,} bytes)",
        value=_ms(mine),
        floor=_ms(least),
        ratio=ratio,
        target=question.target,
        met=met,
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3f} ms"


@contextmanager
def _running(words: Sequence[str], cwd: Path, sign: str) -> Iterator[Place]:
    """A server in a process of its own; the block begins when it answers."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with (
        (cwd / "log").open("ab") as log,
        subprocess.Popen(
            words, cwd=cwd, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        ) as server,
    ):
        assert server.stdout is not None
        try:
            line = next((line for line in server.stdout if sign in line), None)
            assert line is not None, f"the server ended with {server.wait()}: {(cwd / 'log').read_text()}"
            yield Place.of(next(word for word in line.split() if word.startswith("http://")))
        finally:
            server.terminate()


@contextmanager
def _bare(folder: Path) -> Iterator[Callable[[bytes], Place]]:
    """Makes bare servers of one document each."""
    with ExitStack() as stack:

        def serve(body: bytes) -> Place:
            place = Path(tempfile.mkdtemp(dir=folder))
            (place / "body").write_bytes(body)
            words = [sys.executable, "-u", "-c", _BARE, str(place / "body")]
            return stack.enter_context(_running(words, place, "Running on"))

        yield serve


def _project(root: Path, runs: int) -> None:
    root.mkdir()
    write_project(root, files=JOBS // 10, jobs_per_file=10)
    (root / "jobs.d/empty.yaml").write_text('run: ":"\ntimeout: 1m\n')
    (root / "jeeves-runner.yaml").write_text("port: 0\nrun_retention: 3000d\n")
    process([*_PROGRAM, "apply"], root)
    with closing(connect(root / "data/runner.sqlite")) as conn:
        conn.execute("PRAGMA synchronous=OFF; BEGIN")
        conn.execute(_FILL, {"rows": runs})
        conn.execute("COMMIT")


async def _changed(place: Place, conn: apsw.Connection, pid: int, rounds: int) -> Row:
    """The list of jobs, of which another process changes one before each request."""
    getter = await Getter.connect(place, "/jobs", {})
    await getter.get()
    ids = [name for (name,) in conn.execute("SELECT id FROM jobs")]
    before = _cpu(pid)
    for number in range(count := rounds * 50):
        conn.execute(
            "UPDATE jobs SET decided_until = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?",
            (ids[number % len(ids)],),
        )
        await getter.get()
    getter.close()
    seconds = (_cpu(pid) - before) / count
    what = "GET /jobs, another one each time, of the processor"
    return Row(what=what, value=_ms(seconds), met=seconds <= 1 / 200)


def _cpu(pid: int) -> float:
    """Seconds of the processor that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _runs_beside_polls(root: Path, place: Place, rounds: int) -> Row:
    """Runs by POST, one after the other, while two clients poll the list of jobs, and while none does."""
    words = [sys.executable, "-c", _POLL, place.host, str(place.port), "/jobs"]
    pollers = [subprocess.Popen(words) for _ in range(2)]
    try:
        pairs = []
        for _ in range(rounds + 1):
            for each in pollers:
                each.send_signal(signal.SIGSTOP)
            alone = asyncio.run(_posts(place))
            for each in pollers:
                each.send_signal(signal.SIGCONT)
            pairs.append((asyncio.run(_posts(place)), alone))
    finally:
        for each in pollers:
            each.kill()
            each.wait()
    ratio = statistics.median(beside / alone for beside, alone in pairs[1:])
    beside, alone = (statistics.median(each) for each in zip(*pairs[1:], strict=True))
    return Row(
        what="POST run, two clients poll /jobs",
        value=ms(beside),
        floor=ms(alone),
        ratio=ratio,
        target=1.5,
        met=ratio <= 1.5,
    )


async def _posts(place: Place) -> float:
    """Seconds of a run, asked for and waited for."""
    from benchmarks.run_overhead import Client

    client = await Client.connect(f"http://{place.host}:{place.port}")
    found = []
    for _ in range(30):
        begin = perf_counter()
        answer = await client.post("/jobs/empty/run")
        assert answer["result"]["status"] == "ok", answer
        found.append(perf_counter() - begin)
    return statistics.median(found[5:])


def _token(root: Path) -> str:
    words = [*_PROGRAM, "token", "create", "bench", "--role", "read"]
    made = subprocess.run(words, cwd=root, check=True, capture_output=True, text=True).stdout
    found = re.search(r"jr_\S+", made)
    assert found is not None, made
    return found.group()


async def _questions(
    few: Path, places: Mapping[int, Place], bare: Callable[[bytes], Place], rounds: int
) -> list[Row]:
    place = places[FEW]
    token = {"Authorization": f"Bearer {_token(few)}"}
    job = "team00-job-00000"
    with closing(connect(few / "data/runner.sqlite")) as conn:
        path, pid = conn.execute("SELECT socket, pid FROM runner").get
        questions = [
            Question("GET /healthz", place, "/healthz", None),
            Question("GET /status", place, "/status", 2),
            *(Question(f"GET /status, {n:,} runs", at, "/status", 2) for n, at in places.items() if n != FEW),
            Question("GET /status, with a token", place, "/status", 2, token),
            *([Question("GET /status, Unix socket", Place(path, None), "/status", 2)] if path else []),
            Question("GET /jobs", place, "/jobs", 2),
            Question("GET /jobs, as the client has it", place, "/jobs", None, has=True),
            Question("GET /runs", place, "/runs", 10 / 3),
            Question(f"GET /jobs/{job}/runs", place, f"/jobs/{job}/runs", 10 / 3),
        ]
        rows = [await _beside(each, bare, rounds) for each in questions]
        return [*rows, await _changed(place, conn, pid, rounds)]


def main(rounds: int = 9, runs: int = MANY) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder, ExitStack() as stack:
        roots = {number: Path(folder) / str(number) for number in (FEW, runs)}
        for number, root in roots.items():
            _project(root, number)
        serve = [*_PROGRAM, "serve"]
        places = {
            number: stack.enter_context(_running(serve, root, "answers on")) for number, root in roots.items()
        }
        bare = stack.enter_context(_bare(Path(folder)))
        with contextlib.suppress(KeyboardInterrupt):
            rows = asyncio.run(_questions(roots[FEW], places, bare, rounds))
        return [*rows, _runs_beside_polls(roots[FEW], places[FEW], rounds)]
