"""The guides to alerts, done as a reader would do them, with doubles of those who get the messages."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from support.learner import followed
from support.mail import mail_server
from support.message_pictures import conversation
from support.receiver import receiver
from support.server import new_project
from support.slack import slack_double

pytestmark = pytest.mark.service


def test_the_guide_to_slack_works(tmp_path: Path) -> None:
    with slack_double() as slack:
        slack.channels["C0123ABCDEF"] = True
        token = "{token_path: secrets/slack-token"
        assert followed(
            "how-to/hear-of-failures-in-slack.md",
            new_project(tmp_path),
            reads={f"{token}}}": f'{token}, base_url: "{slack.url}"}}'},
            types=f"{slack.token}\n",
            arrives=lambda: conversation(slack.messages),
        ) == [0]


def test_the_guide_to_webhooks_works(tmp_path: Path) -> None:
    with receiver() as far:
        assert followed(
            "how-to/hear-of-failures-by-webhook.md",
            new_project(tmp_path),
            reads={"https://alerts.example.org/hook": far.url},
            arrives=lambda: "".join(_laid_out(json.loads(body)) for _, body in far.got),
        ) == [0]
    verified = runpy.run_path(str(tmp_path / "verify.py"))["verified"]
    key, (headers, body) = (tmp_path / "secrets/ops-key").read_text(), far.got[0]
    assert verified(key, headers, body)["job"] == "backup"
    for wrong_key, wrong_headers, wrong_body in (
        (key, headers, body.replace(b"backup", b"others")),
        ("whsec_AAAA", headers, body),
        (key, {**headers, "webhook-timestamp": "1900000000"}, body),
    ):
        with pytest.raises(ValueError, match="not from jeeves-runner"):
            verified(wrong_key, wrong_headers, wrong_body)


def _laid_out(document: dict[str, Any]) -> str:
    """As the guide shows it: each fact in a line."""
    text = json.dumps({**document, "facts": ["FACTS"]}, indent=2)
    facts = ",\n    ".join(json.dumps(fact) for fact in document["facts"])
    return text.replace('"FACTS"', facts) + "\n"


def test_the_guide_to_mail_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server(tmp_path, tls="starttls", login=("jobs", "secret")) as (mails, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert followed(
            "how-to/hear-of-failures-by-mail.md",
            new_project(tmp_path),
            reads={
                "{host: smtp.example.org,": f"{{host: 127.0.0.1, port: {mails.port},",
                "smtp.example.org:587": f"127.0.0.1:{mails.port}",
            },
            types="secret\n",
            arrives=lambda: "".join(
                f"To: {mail['To']}\nSubject: {mail['Subject']}\n{mail.get_content()}\n"
                for mail in mails.arrived
            ),
        ) == [0]
    _, first, reply = [mail for mail in mails.arrived if mail["To"] == "ops@example.org"]
    assert reply["In-Reply-To"] == first["Message-ID"]


def test_the_guide_to_heartbeats_works(tmp_path: Path) -> None:
    with receiver() as far:
        far.status = 200
        assert followed(
            "how-to/notice-that-the-runner-is-gone.md",
            new_project(tmp_path),
            reads={"https://hc-ping.com": far.url.rpartition("/")[0]},
            arrives=lambda: "".join(f"{call}\n" for call in far.calls),
        ) == [0]
