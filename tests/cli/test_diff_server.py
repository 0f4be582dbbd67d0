"""``diff --server URL`` compares the manifests here with what is live on a server, over real HTTP."""

import json
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.server import Server, command, new_project, save

from jeeves_runner import __version__
from jeeves_runner.cli.main import main

JOB = 'schedule: "H 2 * * *"\nscript: work.sh\ncwd: sub\ntimeout: 1m\n'
NODES = "nodes: [{id: mail, kind: datastore, path: data/mail.db, fresh_within: 2h}, {id: api, kind: auth}]\n"
SECRET = "run: echo\ntimeout: 1m\nenv: {A: {from_env: PROD_PASSWORD}, B: {file: key}}\n"


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in a folder of its own, with jobs of each kind and a queue."""
    root = new_project(tmp_path_factory.mktemp("there"))
    (root / "sub").mkdir()
    (root / "work.sh").write_text("#!/bin/sh\n")
    (root / "key").write_text("a secret value")
    save(root, "a.yaml", JOB + "precheck: {script: work.sh}\n")
    save(root, "b.yaml", JOB)
    save(root, "secret.yaml", SECRET)
    save(root, "mail.yaml", "queues: [{id: mail, retention: {failed: 3d}}]\n")
    save(root, "nodes.yaml", NODES)
    assert command(root, "apply").returncode == 0
    server = Server(root)
    yield server
    server.stop()


@pytest.fixture
def here(served: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same project in another folder, as in a clone: without a database."""
    root = tmp_path / "here"
    shutil.copytree(served.root, root, ignore=shutil.ignore_patterns("data", "serve.log"))
    monkeypatch.chdir(root)
    return root


def test_a_clone_elsewhere_is_in_sync(served: Server, here: Path) -> None:
    result = run("diff", "--server", served.url)
    assert (result.exit_code, result.stdout) == (0, f"No differences from {served.url}.\n")
    assert not (here / "data").exists()


def test_what_differs_is_told_with_its_times(served: Server, here: Path) -> None:
    save(here, "a.yaml", JOB.replace("work.sh", "other.sh"))
    (here / "other.sh").write_text("#!/bin/sh\n")
    save(here, "b.yaml", JOB.replace("H 2", "H 3"))
    save(here, "mail.yaml", "queues: []\n")
    save(here, "nodes.yaml", NODES.replace("2h", "1h").replace("auth", "sink"))
    result = run("diff", "--server", served.url, "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert [(each["action"], each["kind"], each["id"]) for each in document["changes"]] == [
        ("update", "job", "a"),
        ("update", "job", "b"),
        ("delete", "node", "auth:api"),
        ("update", "node", "datastore:mail"),
        ("create", "node", "sink:api"),
        ("delete", "queue", "mail"),
    ]
    assert document["changes"][1]["fields"] == [
        {"path": "schedule", "old": ["H 2 * * *"], "new": ["H 3 * * *"]}
    ]
    ((job),) = document["forecast"]["jobs"]
    assert (job["job_id"], job["lost"], job["gained"]) == ("b", 7, 7)
    assert document["against"] == {"kind": "server", "name": served.url, "commit": None, "errors": 0}
    assert document["refused"] is None


def test_a_secret_that_no_job_takes_any_more_is_inherited_again(served: Server, here: Path) -> None:
    (here / "jobs.d" / "secret.yaml").unlink()
    assert "! PROD_PASSWORD is inherited by all jobs again" in run("diff", "--server", served.url).stdout


def test_specs_name_where_secrets_are_and_hold_no_value(served: Server) -> None:
    document = served.get("/specs")
    assert "a secret value" not in json.dumps(document)
    (secret,) = (job for job in document["jobs"] if job["id"] == "secret")
    assert secret["spec"]["env"] == {"A": {"from_env": "PROD_PASSWORD"}, "B": {"file": "key"}}
    assert (document["version"], document["root"]) == (__version__, str(served.root.resolve()))
    assert [job["id"] for job in document["jobs"]] == ["a", "b", "secret"]
    assert [queue["id"] for queue in document["queues"]] == ["mail"]
    assert [(node["id"], node["spec"]["path"]) for node in document["nodes"]] == [
        ("auth:api", None), ("datastore:mail", f"{served.root.resolve()}/data/mail.db"),
    ]  # fmt: skip


@contextmanager
def answering(status: int, body: str, asked: list[Message] | None = None) -> Iterator[str]:
    """A program on loopback that gives one answer to all; its address. ``asked`` gets the headers of each
    request."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append(self.headers)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Nothing: the test's output is its own."""

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def specs(**changed: Any) -> Mapping[str, Any]:
    whole = {
        "version": __version__,
        "root": "/srv",
        "revision": 3,
        "commit": "ab" * 20,
        "jobs": [],
        "queues": [],
    }
    return whole | changed


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    new_project(tmp_path)
    save(tmp_path, "a.yaml", "run: echo\ntimeout: 1m\n")
    return tmp_path


def test_a_spec_that_cannot_be_read_counts_as_new(project: Path) -> None:
    specs_that_are_none: list[object] = [None, {"id": 7}, []]
    damaged = [
        {"id": "a", "namespace": "a", "file": "jobs.d/a.yaml", "line": 1, "drifted": True, "spec": spec}
        for spec in specs_that_are_none
    ]
    with answering(200, json.dumps(specs(jobs=damaged))) as address:
        document = json.loads(run("diff", "--server", address, "--json").stdout)
    assert [change["action"] for change in document["changes"]] == ["create"]
    assert document["against"]["errors"] == 3
    assert document["against"]["commit"] == "ab" * 20


def test_another_version_is_named(project: Path) -> None:
    with answering(200, json.dumps(specs(version="0.0.1"))) as address:
        assert f"runs version 0.0.1, and this is {__version__}" in run("diff", "--server", address).stderr


@pytest.mark.parametrize(
    "body", ["", "no JSON", "[]", "{}", '{"version": 1}', "[" * 100_000, json.dumps({**specs(), "jobs": [3]})]
)
def test_another_program_is_told_from_a_server(project: Path, body: str) -> None:
    with answering(200, body) as address:
        result = run("diff", "--server", address)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"what answers at {address} is no server of jeeves-runner" in result.stderr


def test_a_refusal_is_told_in_its_words(project: Path) -> None:
    with answering(403, '{"error": "only programs of this machine may ask"}') as address:
        result = run("diff", "--server", address)
    assert result.exit_code == 2
    assert f"{address}/specs answers 403: only programs of this machine may ask" in result.stderr
    with answering(404, "<html>") as address:
        assert f"{address}/specs answers 404: Not Found" in run("diff", "--server", address).stderr


def test_a_token_is_sent_from_its_file(project: Path) -> None:
    (project / "token").write_text("jr_a-token\n")
    asked: list[Message] = []
    with answering(200, json.dumps(specs()), asked) as address:
        assert run("diff", "--server", address, "--token-file", "token").exit_code == 1
        assert run("diff", "--server", address).exit_code == 1
    assert [headers["Authorization"] for headers in asked] == ["Bearer jr_a-token", None]


def test_a_server_that_takes_a_token_is_told_from_one_that_is_not_there(project: Path) -> None:
    with answering(401, '{"error": "the request comes through a proxy"}') as address:
        result = run("diff", "--server", address)
    assert "hint: name a file with a token of role read by --token-file" in result.stderr


@pytest.mark.parametrize(
    ("text", "why"), [(None, "No such file or directory"), ("", "it is blank"), ("two words", "blanks")]
)
def test_a_file_without_a_token_is_refused(project: Path, text: str | None, why: str) -> None:
    if text is not None:
        (project / "token").write_text(text)
    result = run("diff", "--server", "http://127.0.0.1:1", "--token-file", "token")
    assert result.exit_code == 64
    assert why in result.stderr
    assert "two words" not in result.stderr


def test_a_token_needs_a_server(project: Path) -> None:
    result = run("diff", "--token-file", "token")
    assert "--token-file goes with --server" in result.stderr


def test_where_nothing_answers_it_says_so(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    result = run("diff", "--server", address)
    assert result.exit_code == 2
    assert f"no server answers at {address}: " in result.stderr


@pytest.mark.parametrize(
    "address",
    [
        "localhost:1937",
        "ftp://host",
        "http://",
        "http://h:x",
        "http://u:p@h",
        "http://h/?a=1",
        "http://é",
        "",
        "http://a b",
    ],
)
def test_what_is_no_address_is_refused(project: Path, address: str) -> None:
    result = run("diff", "--server", address)
    assert (result.exit_code, result.stdout) == (64, "")
    assert "address" in result.stderr


def test_one_thing_is_compared_with(project: Path) -> None:
    assert run("diff", "--server", "http://h", "--against", "empty").exit_code == 64
    assert run("diff", "--server", "http://h", "--allow-deletes", "1").exit_code == 64
