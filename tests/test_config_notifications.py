"""What the config says of how people are told: read, checked, warned about, and shown without its secrets."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.configs import assert_refused, config_of

from jeeves_runner.cli.main import main
from jeeves_runner.config import check_config, load_config
from jeeves_runner.config_api import ApiConfig
from jeeves_runner.config_change import change_of
from jeeves_runner.config_notifications import (
    EmailConfig,
    HeartbeatConfig,
    NotificationsConfig,
    SlackConfig,
    WebhookConfig,
)
from jeeves_runner.core.alerts.channels import Channels
from jeeves_runner.core.urls import shown_url
from jeeves_runner.reconcile.setup import planner_setup
from jeeves_runner.views.runner import config_view

WHOLE = """\
notifications:
  slack: {token_path: slack, base_url: "http://127.0.0.1:8080/api/"}
  default_on_failure: [C0FAILED, "webhook:ops", C0FAILED]
  default_on_success: email:all@example.org
  webhooks:
    ops: {url: "https://hooks.example.org/T0/hunter2?key=hunter2", secret_path: key, template: {key: hunter2}}
    night: {url_path: url}
  email: {host: smtp.example.org, from: jobs@example.org, username: jobs, password_path: password, tls: tls}
heartbeat: {url: "https://hc-ping.com/hunter2", every: 5m}
api: {public_url: "https://jobs.example.org/"}
"""


@pytest.fixture(autouse=True)
def _no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_BOT_TOKEN", raising=False)


def test_all_that_can_be_said_is_read(tmp_path: Path) -> None:
    config = config_of(tmp_path, WHOLE)
    assert config.notifications == NotificationsConfig(
        slack=SlackConfig(tmp_path / "slack", "http://127.0.0.1:8080/api"),
        default_on_failure=("C0FAILED", "webhook:ops"),
        default_on_success=("email:all@example.org",),
        webhooks={
            "ops": WebhookConfig(
                url="https://hooks.example.org/T0/hunter2?key=hunter2",
                secret_path=tmp_path / "key",
                template={"key": "hunter2"},
            ),
            "night": WebhookConfig(url_path=tmp_path / "url"),
        },
        email=EmailConfig(
            "smtp.example.org", "jobs@example.org", None, "jobs", tmp_path / "password", tls="tls"
        ),
    )
    assert config.heartbeat == HeartbeatConfig(url="https://hc-ping.com/hunter2", every_ms=300_000)
    assert config.api == ApiConfig("https://jobs.example.org")


def test_what_is_not_said_is_not_there(tmp_path: Path) -> None:
    config = load_config(tmp_path, None)
    assert config.notifications == NotificationsConfig()
    assert config.notifications.channels == Channels()
    assert (config.heartbeat.url, config.heartbeat.url_path, config.api.public_url) == (None, None, None)


def test_slack_with_its_token_in_the_environment_needs_no_more_than_its_name(tmp_path: Path) -> None:
    config = config_of(tmp_path, "notifications: {slack: {}, default_on_failure: C0FAILED}\n")
    assert config.notifications.slack == SlackConfig(None, "https://slack.com/api")


@pytest.mark.parametrize(
    ("more", "port"), [("", 587), (", tls: tls", 465), (", tls: none", 25), (", tls: tls, port: 2525", 2525)]
)
def test_a_mail_server_has_the_usual_port(tmp_path: Path, more: str, port: int) -> None:
    text = f"notifications: {{email: {{host: box, from: a@example.org{more}}}}}\n"
    email = config_of(tmp_path, text).notifications.email
    assert email is not None
    assert email.port_in_use == port


def test_manifests_are_read_with_the_channels_of_the_config(tmp_path: Path) -> None:
    one, other = planner_setup(config_of(tmp_path, WHOLE)), planner_setup(config_of(tmp_path, ""))
    assert one.context.channels == Channels(
        slack=True,
        email=True,
        webhooks=("night", "ops"),
        on_failure=("C0FAILED", "webhook:ops"),
        on_success=("email:all@example.org",),
    )
    assert one.digest != other.digest


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("notifications: {slak: {}}", "1:17", "unknown key `slak`", "`slack`"),
        ("notifications: {slack: }", "1:24", "must be a mapping such as", "it is empty"),
        ("notifications: {default_on_failure: C0FAILED}", "1:37", "C0FAILED is in Slack", "{slack: {token"),
        ("notifications: {default_on_success: a@b.org}", "1:37", "is no channel", "write email:a@b.org"),
        (
            "notifications: {webhooks: {ops: {url: 'https://x'}}, default_on_failure: ['webhook:opps']}",
            "1:75",
            "`notifications.default_on_failure`: there is no webhook `opps`",
            "did you mean ops?",
        ),
        ("notifications: {default_on_failure: 5}", "1:37", "must be a channel such as C0123ABCDEF", ""),
        (
            "notifications: {webhooks: {ops: 'https://x/hunter2'}}",
            "1:33",
            "must be a mapping of url,",
            'for example `ops: {url: "https://ntfy.sh/TOPIC"}`',
        ),
        ("notifications: {webhooks: [{url: 'https://x/hunter2'}]}", "1:27", "must be a mapping of names", ""),
        (
            "notifications: {webhooks: {a: {url_path: 'https://hunter2'}}}",
            "1:42",
            "the URL itself",
            "the path",
        ),
        ("notifications: {slack: {token_path: xoxb-hunter2}}", "1:37", "the token itself", "into a file"),
        ("notifications: {webhooks: {Ops: {url: x}}}", "1:28", "the name `Ops` is not allowed", ""),
        (
            "notifications: {webhooks: {ops: {}}}",
            "1:33",
            "`notifications.webhooks.ops` needs a URL",
            "url_path",
        ),
        (
            "notifications: {webhooks: {ops: {url: 'https://x', url_path: x}}}",
            "1:62",
            "has its URL twice, in `url` and in `url_path`",
            "keep one",
        ),
        (
            "notifications: {webhooks: {ops: {url: hunter2}}}",
            "1:39",
            "`notifications.webhooks.ops.url` does",
            "",
        ),
        (
            "notifications: {webhooks: {ops: {url: 'https://a:hunter2@x'}}}",
            "1:39",
            "a user name or",
            "take it",
        ),
        (
            "notifications: {webhooks: {ops: {url: 'https://x', template: {a: ['{{ titel }}']}}}}",
            "1:67",
            "`notifications.webhooks.ops.template`: no part of a message is named titel",
            "did you mean title?",
        ),
        (
            "notifications: {webhooks: {ops: {url: 'https://x', template: {a: 1, b: '{{ run.id }}'}}}}",
            "1:72",
            "`notifications.webhooks.ops.template`: no part of a message is named run.id",
            "the names are title, text",
        ),
        (
            "notifications: {webhooks: {ops: {url: 'https://x', template: {a: '{{ job | upper }}'}}}}",
            "1:66",
            "`notifications.webhooks.ops.template`: no part of a message is named job | upper",
            "the names are title, text",
        ),
        (
            "notifications: {webhooks: {ops: {url: 'https://x', template: {a: '{{}}'}}}}",
            "1:66",
            "`notifications.webhooks.ops.template`: no part of a message is named nothing",
            "the names are title, text",
        ),
        (
            "notifications: {webhooks: {ops: {url: 'https://x', template: {a: {'{{ job }}': 1}}}}}",
            "1:80",
            "`notifications.webhooks.ops.template`: the key {{ job }} names a part",
            "values alone",
        ),
        (
            "notifications: {webhooks: {ops: {url: 'https://x', template: x}}}",
            "1:62",
            "must be a mapping",
            "",
        ),
        ("notifications: {email: {host: box}}", "1:24", "`notifications.email` needs `from`", ""),
        (
            "notifications: {email: {host: 'box:25', from: a@b.org}}",
            "1:31",
            "the name of a host",
            "in `port`",
        ),
        ("notifications: {email: {host: 'smtp://box', from: a@b.org}}", "1:31", "the name of a host", ""),
        ("notifications: {email: {host: box, from: Jobs <a@b.org>}}", "1:42", "must be a mail address", ""),
        ("notifications: {email: {host: box, from: a@b.org, tls: yes}}", "1:56", "starttls, tls, none", ""),
        (
            "notifications: {email: {host: box, from: a@b.org, username: x}}",
            "1:61",
            "`notifications.email.username` needs `password_path`",
            "there is no login",
        ),
        ("heartbeat: {every: 5m}", "1:12", "`heartbeat` needs a URL", "url_path"),
        ("heartbeat: {url: 'https://x', every: 0s}", "1:38", "a duration of 1s or more", ""),
        ("api: {public_url: 'https://x/?hunter2'}", "1:19", "`api.public_url` has a query", "before the `?`"),
    ],
)
def test_mistakes_have_their_place_and_a_hint(
    tmp_path: Path, text: str, place: str, message: str, hint: str
) -> None:
    assert "hunter2" not in assert_refused(tmp_path, f"{text}\n", place, message, hint)


def warned(folder: Path, text: str, files: Mapping[str, str]) -> list[str]:
    """The warnings about a config beside files with these contents, which are for their owner alone."""
    for name, content in files.items():
        (folder / name).write_text(content)
        (folder / name).chmod(0o600)
    (folder / "jeeves-runner.yaml").write_text(text)
    problems = check_config(folder, None)[1]
    assert all(problem.severity == "warning" and problem.hint for problem in problems)
    return [problem.message for problem in problems]


FILES = {"slack": "xoxb-1\n", "key": "k e y", "url": "https://hooks.example.org/hunter2\n", "password": "p w"}


def test_a_config_whose_secrets_are_in_order_is_not_warned_about(tmp_path: Path) -> None:
    assert warned(tmp_path, WHOLE, FILES) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("slack", "two words", "`notifications.slack.token_path`: the token cannot be read"),
        ("key", " \n", "`notifications.webhooks.ops.secret_path`: the key cannot be read"),
        ("key", "whsec_k-e-y", "it begins with whsec_, and what follows is not base64"),
        ("url", "hunter2", "it does not begin with http:// or https://"),
        ("url", "", "`notifications.webhooks.night.url_path`: the URL cannot be read"),
        ("password", "one\ntwo", "it has more than one line"),
        ("key", "one\ntwo", "it has more than one line"),
    ],
)
def test_a_secret_that_cannot_be_used_is_warned_about(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (found,) = warned(tmp_path, WHOLE, FILES | {name: content})
    assert message in found
    assert str(tmp_path / name) in found
    assert "hunter2" not in found


@pytest.mark.parametrize("name", FILES)
def test_a_secret_that_others_can_read_is_warned_about(tmp_path: Path, name: str) -> None:
    warned(tmp_path, WHOLE, FILES)
    (tmp_path / name).chmod(0o644)
    (problem,) = check_config(tmp_path, None)[1]
    assert "others may use the" in problem.message
    assert problem.hint == f"chmod 600 {tmp_path / name}"


def test_slack_without_a_token_is_warned_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "notifications: {slack: {}}\n"
    assert warned(tmp_path, text, {}) == ["there is no token for `notifications.slack`"]
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    assert warned(tmp_path, text, {}) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "notifications: {webhooks: {ops: {url: 'http://box/x'}}}",
            "`notifications.webhooks.ops.url` is plain",
        ),
        ("heartbeat: {url: 'http://box/x'}", "`heartbeat.url` is plain http beyond this machine"),
        (
            "notifications: {email: {host: box, from: a@b.org, tls: none}}",
            "mails can be read on the way to box",
        ),
    ],
)
def test_what_others_can_read_on_the_way_is_warned_about(tmp_path: Path, text: str, message: str) -> None:
    (found,) = warned(tmp_path, f"{text}\n", {})
    assert message in found
    assert not warned(tmp_path, f"{text}\n".replace("box", "localhost"), {})


def test_no_secret_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    view = config_view(config_of(tmp_path, WHOLE))
    assert view["heartbeat"] == {"url": "https://hc-ping.com/…", "url_path": None, "every_ms": 300_000}
    assert "hunter2" not in json.dumps(view)
    shown = CliRunner().invoke(main, ["config", "show"]).stdout
    lines = [line.split(maxsplit=1) for line in shown.splitlines()]
    assert ["notifications.webhooks.ops.url", "https://hooks.example.org/…"] in lines
    assert ["notifications.webhooks.ops.template.key", "***"] in lines
    assert ["notifications.webhooks.night.url_path", str(tmp_path / "url")] in lines
    assert ["notifications.default_on_failure", "[C0FAILED, webhook:ops]"] in lines
    assert "hunter2" not in shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://box", "https://box"),
        ("https://box/", "https://box"),
        ("https://me:hunter2@box:8443/hunter2", "https://box:8443/…"),
        ("https://[::1]:80?hunter2", "https://[::1]:80/…"),
        ("https://box#hunter2", "https://box/…"),
        ("hunter2", "…"),
        ("https://box:hunter2/", "…"),
    ],
)
def test_of_a_url_it_is_shown_where_it_leads(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_a_section_that_has_come_or_gone_is_a_change(tmp_path: Path) -> None:
    config = config_of(tmp_path, "notifications: {slack: {}}\n")
    (tmp_path / "jeeves-runner.yaml").write_text("notifications: {email: {host: box, from: a@b.org}}\n")
    change = change_of(config)
    assert change is not None
    assert change.settings == ("notifications.slack", "notifications.email")
