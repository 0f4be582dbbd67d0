"""``doctor`` on where people are told: each kind of channel, well and unwell. Nothing is sent."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.alerts import AlertLedger
from support.cli import Shell
from support.mail import mail_server
from support.slack import TOKEN, Fault, Slack, slack_double

from jeeves_runner.config_notifications import SLACK_VARIABLE
from jeeves_runner.db import alerting, outbox


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, AlertLedger)


@pytest.fixture
def slack() -> Iterator[Slack]:
    with slack_double() as double:
        yield double


def settings(shell: Shell, **notifications: Any) -> None:
    shell.config.write_text(json.dumps({"port": 0, "notifications": notifications}))


def private(folder: Path, text: str, mode: int = 0o600) -> str:
    path = folder / "secret"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def with_slack(shell: Shell, slack: Slack, token: str = TOKEN, **more: Any) -> None:
    url = slack.url.rstrip("/")
    settings(shell, slack={"token_path": private(shell.folder, token), "base_url": url}, **more)


def findings(shell: Shell, subject: str = "notifications") -> list[tuple[str, str, str | None]]:
    """Level, message and hint."""
    found = json.loads(shell.run("doctor", "--json").stdout)["findings"]
    return [(each["level"], each["message"], each["hint"]) for each in found if each["subject"] == subject]


def levels(shell: Shell) -> list[str]:
    return [level for level, _, _ in findings(shell)]


def test_that_nobody_would_hear_is_a_warning(shell: Shell) -> None:
    ((level, message, hint),) = findings(shell)
    assert (level, message.startswith("no alert would be sent")) == ("warning", True)
    assert hint is not None
    assert "notifications.default_on_failure" in hint
    shell.ledger.add_job("a", on_failure=("webhook:ops",))
    assert findings(shell) == []


def test_of_a_broken_config_it_is_not_known_who_would_be_told(shell: Shell) -> None:
    shell.config.write_text("notifications: {default_on_failure: ops}\n")
    assert [message for _, message, _ in findings(shell)] == ["it cannot be seen who would be told"]


def test_slack_says_who_the_token_is(shell: Shell, slack: Slack) -> None:
    with_slack(shell, slack, default_on_failure="C0000001")
    assert findings(shell) == [("ok", "Slack takes the token: jeeves in double", None)]
    assert set(slack.calls) == {"auth.test"}


def test_the_token_may_be_in_the_environment(
    shell: Shell, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SLACK_VARIABLE, TOKEN)
    settings(shell, slack={"base_url": slack.url.rstrip("/")}, default_on_failure="C0000001")
    assert levels(shell) == ["ok"]


def test_a_token_that_slack_does_not_take_is_an_error(shell: Shell, slack: Slack) -> None:
    with_slack(shell, slack, "xoxb-another", default_on_failure="C0000001")
    ((level, message, hint),) = findings(shell)
    assert (level, message) == ("error", "Slack answers invalid_auth")
    assert hint is not None
    assert "xoxb-" in hint
    assert "another" not in json.dumps(findings(shell))


def test_a_token_that_cannot_be_read_is_an_error(shell: Shell, slack: Slack) -> None:
    settings(shell, slack={"token_path": "nowhere"}, default_on_failure="C0000001")
    ((level, message, _),) = findings(shell)
    assert (level, "nothing can be read from" in message) == ("error", True)
    assert not slack.calls


@pytest.mark.parametrize("kind", ["down", "drop", "broken"])
def test_a_slack_that_does_not_answer_is_an_error(shell: Shell, slack: Slack, kind: str) -> None:
    with_slack(shell, slack, default_on_failure="C0000001")
    if kind == "down":
        slack.down()
    elif kind == "drop":
        slack.switch_on(Fault(on="auth.test", kind="drop", times=None))
    else:
        slack.switch_on(Fault(on="auth.test", kind="answer", status=200, body="<html>", times=None))
    assert levels(shell) == ["error"]


@pytest.mark.parametrize(
    ("scopes", "told"),
    [
        ({"chat:write", "files:write", "channels:history"}, []),
        ({"chat:write", "files:write", "groups:history"}, []),
        ({"chat:write", "channels:history"}, ["warning files:write"]),
        ({"chat:write", "files:write"}, ["warning channels:history"]),
        ({"files:write", "channels:history"}, ["error chat:write"]),
    ],
)
def test_scopes_that_are_missing_for_what_is_used(
    shell: Shell, slack: Slack, scopes: set[str], told: list[str]
) -> None:
    shell.ledger.add_job("a", output_channel=("C0000001",))
    with_slack(shell, slack, default_on_failure="C0000001")
    slack.scopes = scopes
    found = findings(shell)[1:]
    assert [f"{level} {message.split()[2]}" for level, message, _ in found] == told


def test_scopes_for_files_are_not_asked_for_where_no_output_is_sent(shell: Shell, slack: Slack) -> None:
    with_slack(shell, slack, default_on_failure="C0000001")
    slack.scopes = {"chat:write", "channels:history"}
    assert levels(shell) == ["ok"]


def test_a_channel_that_took_nothing_is_an_error_while_it_is_named(shell: Shell) -> None:
    webhook = {"ops": {"url": "http://127.0.0.1:9/x"}}
    settings(shell, webhooks=webhook, default_on_failure="webhook:ops")
    with shell.ledger.tx() as tx:
        outbox.give_up(tx, [alerting.test(tx, channel) for channel in ("webhook:ops", "webhook:old")], "gone")
    found = [each for each in findings(shell) if each[0] == "error"]
    assert [message for _, message, _ in found] == ["webhook:ops took none of 1 message: gone"]
    assert found[0][2] == "then `jeeves-runner alerts test webhook:ops` shows whether it is fixed"


def test_a_webhook_is_not_called_and_its_files_are_read(shell: Shell) -> None:
    path = private(shell.folder, "http://127.0.0.1:9/secret-place\n")
    settings(shell, webhooks={"ops": {"url_path": path}}, default_on_failure="webhook:ops")
    assert findings(shell) == [
        ("ok", "webhook ops has its URL, and what is sent is unsigned; it is not called", None)
    ]
    Path(path).chmod(0o644)
    assert [level for level, message, _ in findings(shell, "config") if path in message] == ["warning"]
    Path(path).unlink()
    assert levels(shell) == ["error"]
    assert "secret-place" not in shell.run("doctor").stdout


@pytest.mark.parametrize("login", [None, ("jobs", "right")])
def test_a_mail_server_takes_the_login_and_no_mail(
    shell: Shell, login: tuple[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_server(shell.folder, tls="starttls", login=login) as (mails, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with_mail(shell, mails.port, login)
        ((level, message, _),) = findings(shell)
        assert (level, "takes the login" in message) == ("ok", login is not None)
        assert mails.arrived == []


def test_a_login_that_the_mail_server_does_not_take_is_an_error(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_server(shell.folder, tls="starttls", login=("jobs", "right")) as (mails, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with_mail(shell, mails.port, ("jobs", "wrong-password"))
        ((level, message, hint),) = findings(shell)
    assert (level, "does not take the login" in message) == ("error", True)
    assert hint is not None
    assert "password_path" in hint
    assert "wrong-password" not in message


def test_a_mail_server_whose_certificate_is_not_known_is_an_error(shell: Shell) -> None:
    with mail_server(shell.folder, tls="starttls") as (mails, _):
        with_mail(shell, mails.port, None)
        assert levels(shell) == ["error"]


def test_a_mail_server_that_is_not_there_is_an_error(shell: Shell) -> None:
    with_mail(shell, 9, None)
    ((level, message, _),) = findings(shell)
    assert (level, "cannot be reached" in message) == ("error", True)


def with_mail(shell: Shell, port: int, login: tuple[str, str] | None) -> None:
    email: dict[str, Any] = {"host": "127.0.0.1", "port": port, "from": "jobs@example.org"}
    if login is not None:
        email |= {"username": login[0], "password_path": private(shell.folder, login[1])}
    settings(shell, email=email, default_on_failure="email:ops@example.org")
