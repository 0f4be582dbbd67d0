"""Secrets of channels, from files and from the environment, are looked for wherever a runner writes or
answers, also where the far side throws them back."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from service.test_secrets import ACTING, told, written
from support.mail import mail_server
from support.server import command, new_project, save, serving, until
from support.slack import TOKEN, Slack, slack_double

from jeeves_runner.config_notifications import SLACK_VARIABLE

SECRETS = {
    "token": TOKEN,
    "url": "hunter2-in-a-url-file",
    "key": "hunter2-signs-it",
    "password": "hunter2-of-the-mailbox",
    "in the config": "hunter2-of-the-config",
    "in a template": "hunter2-in-a-template",
    "heartbeat": "hunter2-of-the-heartbeat",
    "of a job": "hunter2-of-a-job",
}

FAILS = {"run": "echo no room >&2; exit 3", "timeout": "10s"}


class Echo:
    """A far side that answers with all that it was told: the path, the headers and the body."""

    def __init__(self) -> None:
        self.paths: list[str] = []

        class Answers(BaseHTTPRequestHandler):
            def do_POST(handler) -> None:  # noqa: N805 - the other self is needed
                body = handler.rfile.read(int(handler.headers["Content-Length"] or 0)).decode()
                self.paths.append(handler.path)
                handler.close_connection = True
                said = f"{handler.path} {handler.headers.get('webhook-signature')} {body}".encode()
                handler.send_response(400)
                handler.send_header("Content-Length", str(len(said)))
                handler.end_headers()
                handler.wfile.write(said)

            do_GET = do_POST  # noqa: N815 - http.server's name

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Nothing: the test's output is its own."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def echo() -> Iterator[Echo]:
    double = Echo()
    thread = threading.Thread(target=double.server.serve_forever)
    thread.start()
    try:
        yield double
    finally:
        double.server.shutdown()
        thread.join()
        double.server.server_close()


def project(root: Path, slack: Slack, far: Echo, mail_port: int, *, token_in_file: bool) -> None:
    new_project(root)
    (root / "secrets").mkdir(mode=0o700)
    files = {**SECRETS, "url": f"{far.url}/{SECRETS['url']}"}
    for name, text in files.items():
        path = root / "secrets" / name
        path.write_text(text + "\n")
        path.chmod(0o600)
    base: dict[str, Any] = {"base_url": slack.url.rstrip("/")}
    if token_in_file:
        base["token_path"] = "secrets/token"
    template = {"routing_key": SECRETS["in a template"], "text": "{{ title }}"}
    config: dict[str, Any] = {
        "port": 0,
        "log": {"level": "debug"},
        "heartbeat": {"url": f"{far.url}/{SECRETS['heartbeat']}", "every": "1s"},
        "notifications": {
            "default_on_failure": ["C0000001", "C0000003"],
            "slack": base,
            "webhooks": {
                "plain": {"url": f"{far.url}/{SECRETS['in the config']}?q={SECRETS['in the config']}"},
                "signed": {"url_path": "secrets/url", "secret_path": "secrets/key"},
                "shaped": {"url_path": "secrets/url", "template": template},
                "gone": {"url": f"http://127.0.0.1:9/{SECRETS['in the config']}"},
            },
            "email": {
                "host": "127.0.0.1",
                "port": mail_port,
                "from": "jobs@example.org",
                "username": "jobs",
                "password_path": "secrets/password",
            },
        },
    }
    (root / "jeeves-runner.yaml").write_text(json.dumps(config))
    channels = ["C0000001", "C0000003", *(f"webhook:{name}" for name in config["notifications"]["webhooks"])]
    job: dict[str, Any] = {**FAILS, "on_failure": [*channels, "email:ops@example.org"]}
    job["heartbeat"] = {"file": "secrets/of a job"}
    save(root, "prints.yaml", json.dumps(job))


@pytest.mark.parametrize("in_file", [True, False], ids=["token in a file", "token in the environment"])
def test_no_secret_of_a_channel_gets_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_file: bool
) -> None:
    if not in_file:
        monkeypatch.setenv(SLACK_VARIABLE, TOKEN)
    places: dict[str, bytes] = {}
    with (
        slack_double() as slack,
        echo() as far,
        mail_server(tmp_path, tls="starttls", login=("jobs", "another")) as (mails, trusted),
    ):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        project(tmp_path, slack, far, mails.port, token_in_file=in_file)
        with serving(tmp_path) as server:
            server.post("/jobs/prints/run")
            until(lambda: settled(server.get("/alerts?all=1")["messages"]))
            until(lambda: any(SECRETS["heartbeat"] in path for path in far.paths))
            slack.token = "xoxb-another"
            for channel in ("C0000001", "webhook:plain", "webhook:signed", "webhook:shaped"):
                answer = command(tmp_path, "alerts", "test", channel)
                assert answer.returncode == 1
                places[f"alerts test {channel}"] = (answer.stdout + answer.stderr).encode()
            places |= dict(told(tmp_path, server))
            messages = server.get("/alerts?all=1")["messages"]
        places |= {f"{place}, after the end": said for place, said in written(tmp_path)}
    found = {
        f"{name}: {place}"
        for place, said in places.items()
        for name, secret in SECRETS.items()
        if secret.encode() in said
    }
    assert found == set()
    # What is looked at is really what was refused.
    assert {each["status"] for each in messages} == {"sent", "failed", "pending"}
    assert any(b"answers 400" in said for place, said in places.items() if place.startswith("status"))
    assert "alerts" not in ACTING


def settled(messages: list[dict[str, Any]]) -> bool:
    """All but the one that can never be sent have come to an end."""
    waiting = [each for each in messages if each["status"] == "pending"]
    return len(messages) >= 7 and len(waiting) == 1 and waiting[0]["tries"] > 0
