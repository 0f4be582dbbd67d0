"""Secrets of every kind, printed in every way, are looked for wherever a runner writes or answers."""

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.answers import EVERY_ROUTE
from support.server import Server, command, new_project, save, serving, until

from jeeves_runner.api.event_stream import CONTENT_TYPE as STREAM
from jeeves_runner.cli.commands import LISTED

PEM = "-----BEGIN A KEY-----\nMIIBaaaaBBBB/cccc\r\nab==\n-----END A KEY-----"
FILES = {
    "PLAIN": "hunter2-in-a-file",
    "PEM": PEM,
    "LEFT": "ovl7x4-abcdefgh",
    "RIGHT": "efgh-ovl7x4-ijkl",
    "QUOTED": 'qu"oted\\päss/wörd<&>🔑',
}
VARIABLES = {
    "PROD_PASSWORD": b"hunter2-in-the-environment",
    "PROD_RAW": b"\xffbinary-\xfe-hunter2\xff",
}
TAKEN = {"PASSWORD": "PROD_PASSWORD", "RAW": "PROD_RAW"}
PIN = "4711"

PRINTS = """
import json, os, sys, time

NAMES = sorted({"PLAIN", "PEM", "LEFT", "RIGHT", "QUOTED", "PASSWORD", "RAW"} & os.environ.keys())
VALUES = {name: os.environ[name] for name in NAMES}

def show(data):
    for fd in (1, 2):
        os.write(fd, data)

for name in NAMES:
    value, raw = VALUES[name], os.environb[name.encode()]
    show(b"<" + raw + b">\\n" + raw.replace(b"\\n", b"\\r\\n") + b"\\n")
    for line in raw.splitlines():
        show(b"    " + line + b"\\n")
    show(raw.decode(errors="replace").encode() + b"\\n")
    show(json.dumps(value).encode() + b"\\n")
    show(json.dumps(value, ensure_ascii=False).encode(errors="surrogateescape") + b"\\n")
    for n in range(len(raw)):
        os.write(1, raw[n : n + 1])
        time.sleep(0.0002)  # so that chunks are cut here
    show(b"\\n")
show(b"ovl7x4-abcdefgh-ovl7x4-ijkl ovl7x4-abcdefghovl7x4-abcdefgh\\n")
show(b"x" * 65_530 + VALUES["PLAIN"].encode() + b"y" * 65_536 + b"\\n")
result = {"all": VALUES, VALUES["PLAIN"]: [[VALUES["PEM"]]], "tokens": 7}
os.write(1, b"JR_RESULT:" + json.dumps(result).encode() + b"\\n")
print("pin", os.environ["PIN"], flush=True)
open("printed", "w").close()
while not os.path.exists("go"):
    time.sleep(0.01)
os.write(1, VALUES["PASSWORD"].encode()[:-2])
sys.exit(3)
"""

OPERANDS = {
    "job": ["prints"], "run": ["1"], "logs": ["1"], "history": ["1"], "runs": ["prints"], "config": ["show"],
    "state": ["list"], "queue": ["list"],
}  # fmt: skip
"""What commands are called with."""

ACTING = {"serve", "trigger", "cancel", "pause", "resume", "mute", "unmute", "init", "add-job"}
"""Commands that print what they do, and not what runs have printed."""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = new_project(tmp_path, "port: 0\ninherit_env: [PROD_*]\n")
    (root / "prints.py").write_text(PRINTS)
    (root / "secrets").mkdir()
    for name, value in {**FILES, "PIN": PIN}.items():
        (root / "secrets" / name).write_bytes(value.encode() + b"\n")
    for name, raw in VARIABLES.items():
        monkeypatch.setenv(name, os.fsdecode(raw))
    monkeypatch.setenv("PROD_URL", "https://example.org")
    monkeypatch.setenv("PRODUCT", "not in the list")
    env = {name: {"file": f"secrets/{name}"} for name in [*FILES, "PIN"]}
    env |= {name: {"from_env": variable} for name, variable in TAKEN.items()}
    prints = {"id": "prints", "script": "prints.py", "timeout": "1m", "env": env}
    missing = {**prints, "id": "missing", "env": {**env, "GONE": {"file": "secrets/GONE"}}}
    other = {"id": "other", "command": [sys.executable, "-c", DUMP], "timeout": "1m"}
    save(root, "jobs.yaml", json.dumps({"jobs": [prints, missing, other]}))
    return root


DUMP = "import os; os.write(1, b'\\n'.join(b'%s=%s' % pair for pair in sorted(os.environb.items())))"


def pieces() -> Iterator[bytes]:
    """Eight bytes from every fourth on of every line of every secret, however JSON writes them."""
    values = [*FILES.values(), *(os.fsdecode(raw) for raw in VARIABLES.values())]
    for line in [line for value in values for line in value.splitlines()]:
        for text in (line, json.dumps(line)[1:-1], json.dumps(line, ensure_ascii=False)[1:-1]):
            data = text.encode("utf-8", "surrogateescape")
            for form in (data, data.decode(errors="replace").encode()):
                yield from (form[n : n + 8] for n in range(0, max(len(form) - 7, 0), 4))


PATTERN = re.compile(b"|".join(re.escape(piece) for piece in sorted(set(pieces()))))


def test_no_secret_gets_out(root: Path) -> None:
    places: dict[str, bytes] = {}
    with serving(root) as server:
        server.post("/jobs/prints/run?wait=0s")
        until(lambda: (root / "printed").exists() or ended(server, 1))
        assert (root / "printed").exists(), server.get("/runs/1")
        places |= {f"{place}, while it runs": said for place, said in told(root, server)}
        (root / "go").touch()
        run = until(lambda: ended(server, 1))
        assert (run["exit_code"], run["tokens"]) == (3, 7)
        assert server.post("/jobs/missing/run")[1]["result"]["status"] == "error"
        listed = server.post("/jobs/other/run")[1]["result"]["stdout"]
        places |= dict(told(root, server))
    places |= {f"{place}, after the end": said for place, said in written(root)}
    found = {place: match[0] for place, said in places.items() if (match := PATTERN.search(said))}
    assert found == {}
    # What is looked at is really what the jobs have printed.
    assert run["result_meta"]["***"] == [["***"]]
    assert b"pin 4711" in places["GET /runs/1/logs"]
    assert "PATH=" in listed
    assert "PROD_URL=https://example.org" in listed
    assert "PRODUCT" not in listed
    assert not [name for name in VARIABLES if f"{name}=" in listed]
    assert places["the log of the server"].count(b"env PIN: the secret is too short to be masked") == 1


GIVEN = 'p4rameter\\zq9-"hunter2"-xk7ä'
PARTS = (b"p4rameter", b"zq9-", b"hunter2", b"-xk7")
"""What a secret parameter is given, and what shows it however JSON writes it."""

SHOWS = """
import json, os, sys, time

value = os.environ["JR_PARAM_TOKEN"]
print(value, json.dumps(value), json.dumps(value, ensure_ascii=False), file=sys.stderr)
for char in value:
    print(char, end="", flush=True)
print("\\nJR_RESULT:" + json.dumps({"token": value}), flush=True)
open("shown-" + os.environ["JR_ATTEMPT"], "w").close()
while not os.path.exists("go"):
    time.sleep(0.01)
sys.exit(1)
"""


def test_no_secret_parameter_gets_out(root: Path) -> None:
    """Not while its chain goes on, but for the table that keeps it; and in no file once it is over."""
    (root / "jeeves-runner.yaml").write_text("port: 0\nlog: {level: debug}\n")
    (root / "shows.py").write_text(SHOWS)
    params = {"token": {"secret": True, "pattern": "p4.*"}, "day": {"default": "monday"}}
    shows = {"id": "prints", "script": "shows.py", "timeout": "1m", "params": params}
    save(root, "jobs.yaml", json.dumps({"jobs": [shows | {"retries": {"limit": 1, "delay": "10ms"}}]}))
    places: dict[str, bytes] = {}
    with serving(root) as server:
        for wrong in ({"token": f"x{GIVEN}"}, {"token": GIVEN, "dya": GIVEN}, {"token": [GIVEN]}):
            status, problem = server.post("/jobs/prints/run", {"params": wrong})
            assert status == 400
            places[f"the answer to {len(places)}"] = json.dumps(problem, ensure_ascii=False).encode()
        answer = command(root, "trigger", "prints", "--param-file", "token=-", "--json", stdin=GIVEN)
        places["trigger"] = (answer.stdout + answer.stderr).encode()
        until((root / "shown-1").exists)
        places |= {f"{place}, while it runs": said for place, said in told(root, server)}
        assert any(GIVEN[:9].encode() in said for place, said in places.items() if "sqlite" in place)
        places = {place: said for place, said in places.items() if "sqlite" not in place}
        (root / "go").touch()
        until(lambda: (root / "shown-2").exists() and ended(server, 2))
        places |= {place: said for place, said in told(root, server) if "sqlite" not in place}
        shown = server.get("/runs/2")["run"]
    places |= {f"{place}, after the end": said for place, said in written(root)}
    found = {place: part for place, said in places.items() for part in PARTS if part in said}
    assert found == {}
    assert any("sqlite" in place for place in places)
    assert shown["params"] == {"token": "***", "day": "monday"}
    assert shown["result_meta"] == {"token": "***"}
    assert (shown["status"], shown["attempt"]) == ("error", 2)


def ended(server: Server, number: int) -> dict[str, object] | None:
    run: dict[str, object] = server.get(f"/runs/{number}")["run"]
    return None if run["finished_at"] is None else run


def told(root: Path, server: Server) -> Iterator[tuple[str, bytes]]:
    """All that the server answers, what it has written so far, and what every command prints."""
    for route in EVERY_ROUTE:
        if route.method == "GET" and route.path != "/openapi.json":  # which is the same of every server
            yield from answers(server, route.path)
    yield from written(root)
    assert OPERANDS.keys() | ACTING <= LISTED.keys()
    for name in LISTED.keys() - ACTING:
        for more in ([], ["--json"]):
            words = [name, *OPERANDS.get(name, []), *more]
            answer = command(root, *words)
            yield " ".join(words), (answer.stdout + answer.stderr).encode("utf-8", "surrogateescape")


def answers(server: Server, path: str) -> Iterator[tuple[str, bytes]]:
    for number in ("1", "2", "3"):
        target = re.sub(r"\{(run|revision)\}", number, path)
        target = re.sub(r"\{[^}]*\}", {"1": "prints", "2": "missing", "3": "other"}[number], target)
        try:
            with urllib.request.urlopen(server.url + target, timeout=60) as response:
                is_stream = response.headers["Content-Type"] == STREAM  # it does not end
                yield f"GET {target}", response.read1() if is_stream else response.read()
        except urllib.error.HTTPError as error:
            yield f"GET {target}", error.read()


def written(root: Path) -> Iterator[tuple[str, bytes]]:
    """Every file that the server has written: its database, the logs, what else there is."""
    yield "the log of the server", (root / "serve.log").read_bytes()
    for path in (root / "data").rglob("*"):
        if path.is_file():
            yield str(path.relative_to(root)), path.read_bytes()
