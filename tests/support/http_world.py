"""The world of attacks on the HTTP API: a server whose database is in use, and schemathesis, which reads the
API's description and asks for all that it allows, and for what it does not.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from support.many_rows import JOB, KEY, NAMESPACE, QUEUE, fill
from support.server import Server, command, database, new_project, save, serving, until

from jeeves_runner.api.bodies import fields_of
from jeeves_runner.api.openapi import operation_id
from jeeves_runner.api.parameters import parameters_of
from jeeves_runner.api.route import Route
from jeeves_runner.api.routes import ROUTES

ROWS: Final = 500
TESTS: Final = Path(__file__).parents[1]

KNOWN: Final[Mapping[str, Sequence[str | int]]] = {
    "job": [JOB, "asks", "fails", "paused"],
    "run": [1, 2, 10, 11, ROWS],
    "queue": [QUEUE],
    "namespace": [NAMESPACE],
    "key": [KEY, "key1", "key7"],
    "item": [1, ROWS + 1],
    "revision": [1],
    "node": [f"queue:{QUEUE}", f"process:{JOB}"],
}
"""What there is of that which paths name: most requests are to get beyond 404."""

_CONFIG: Final = "port: 0\nmin_free: 1B\nshutdown_grace: 0s\nnotifications: {webhooks: {ops: {url: 'http://127.0.0.1:1'}}}\n"
_ASKS: Final = """\
run: echo $N $WHO
timeout: 10s
params: {N: {type: integer, default: 1}, WHO: {type: string, default: me}}
"""
_TWO_QUESTIONS: Final = frozenset({"/graph"})
"""Routes whose parameters may not stand together."""

_EXPECTED: Final = ["2xx", "3xx", "401", "403", "404", "409", "429"]
"""What a request may meet that keeps to the description."""


class Summary(NamedTuple):
    """How an attack has gone."""

    exit_code: int
    """0: nothing was found."""
    output: str
    """What schemathesis has printed."""


@contextmanager
def attacked(root: Path) -> Iterator[Server]:
    """A server with some jobs, queues, state and hundreds of runs; the job ``backup`` is that of the
    examples."""
    new_project(root, _CONFIG)
    save(root, f"{JOB}.yaml", "schedule: '0 0 1 1 *'\nrun: echo often\ntimeout: 10s\n")
    save(root, "asks.yaml", _ASKS)
    save(root, "fails.yaml", "run: 'false'\ntimeout: 10s\nretries: {limit: 1, delay: 1s}\n")
    save(root, "paused.yaml", "schedule: '0 0 * * *'\nrun: echo\ntimeout: 10s\nenabled: false\n")
    save(root, "queues.yaml", f"queues: [{{id: {QUEUE}, dedup: {{key: $.n}}}}]\n")
    save(root, "backup.yaml", "run: echo $JR_PARAM_DAY\ntimeout: 10s\nparams: {DAY: {default: today}}\n")
    applied = command(root, "apply")
    assert applied.returncode == 0, applied.stdout
    fill(database(root), ROWS)
    with serving(root) as server:
        yield server


def token(root: Path, name: str, role: str) -> str:
    """A new token of that role."""
    made = command(root, "token", "create", name, "--role", role, "--json")
    assert made.returncode == 0, made.stderr
    found: str = json.loads(made.stdout)["token"]
    return found


def token_of_run(server: Server) -> str:
    """The token of a run that goes on for as long as its server."""
    path = server.root / "token"
    save(
        server.root,
        "tells.yaml",
        "run: |\n  echo $JR_TOKEN > token\n  exec sleep 3000\ntimeout: 1h\nkill_grace: 1s\n",
    )
    until(lambda: server.job("tells"))
    assert command(server.root, "trigger", "tells").returncode == 0
    until(lambda: path.exists() and path.read_text().endswith("\n"))
    return path.read_text().strip()


def attack(server: Server, *options: str, bearer: str | None = None) -> Summary:
    """What comes of all checks of schemathesis, with these options of ``st run``."""
    config = server.root / "schemathesis.toml"
    config.write_text(_settings(), encoding="utf-8")
    description = server.root / "openapi.json"  # which the token of a run cannot get
    description.write_text(json.dumps(server.get("/openapi.json")), encoding="utf-8")
    words = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", "--no-color"]
    words += [
        "--checks",
        "all",
        "--continue-on-failure",
        "--request-timeout",
        "60",
        *options,
    ]
    if bearer is not None:
        words += ["--header", f"Authorization: Bearer {bearer}"]
    done = subprocess.run(
        [*words, "--url", server.url, str(description)],
        cwd=server.root,
        env={**os.environ, "PYTHONPATH": str(TESTS), "SCHEMATHESIS_HOOKS": "support.http_hooks"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Summary(done.returncode, done.stdout)


def _settings() -> str:
    """The config of schemathesis: TOML, of which JSON's texts, numbers and lists are a part."""
    lines = ["max-stream-events = 1", "[phases.coverage]", "generate-duplicate-query-parameters = true"]
    for name, values in KNOWN.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(values)}"]
    lines.append("[parameters]")
    lines += [f'"path.{name}" = {{ dictionary = "{name}", probability = 0.8 }}' for name in KNOWN]
    lines += ["[checks.positive_data_acceptance]", f"expected-statuses = {json.dumps(_EXPECTED)}"]
    for route in ROUTES:
        if not _says_all(route):
            lines += [
                "[[operations]]",
                f"include-operation-id = {json.dumps(operation_id(route))}",
                f"checks.positive_data_acceptance.expected-statuses = {json.dumps([*_EXPECTED, '400'])}",
            ]
    return "\n".join(lines) + "\n"


def _says_all(route: Route) -> bool:
    """Whether the route takes all that its schemas allow; no schema tells, say, which days there are."""
    kinds = [each.kind.says_all for each in (*parameters_of(route.query), *parameters_of(route.path_values))]
    kinds += [getattr(field.kind, "says_all", False) for field in fields_of(route.body)]
    return all(kinds) and route.path not in _TWO_QUESTIONS
