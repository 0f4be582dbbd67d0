"""What the documentation tells of alerts is what the program does, and its pictures are what people see."""

import re
from typing import Any

import pytest
from support.docs import DOCS, ROOT, blocks, code, only_code, read, table
from support.picture_page import PAGE as PICTURES
from support.picture_page import renewed
from support.told import NAMES as FACTS
from support.told import message

from jeeves_runner.config import load_config
from jeeves_runner.core.alerts.body import MAX_TEXT, NAMES, body_of, whole_body
from jeeves_runner.notify.slack_errors import FINAL

PAGE = "reference/alert-messages.md"


def test_the_pictures_are_what_people_see() -> None:
    text = PICTURES.read_text(encoding="utf-8")
    assert text == renewed(text), "run `make pictures`"


def test_there_are_pictures_of_all_kinds() -> None:
    shown = {block.info[2] for block in blocks(PICTURES) if block.info[:2] == ("text", "message")}
    assert shown == set(FACTS) - {"test"}


def test_the_names_of_a_webhooks_template_are_those_there_are() -> None:
    rows = table(read("reference/config.md"), "name in a template")
    assert [only_code(name) for name, _ in rows] == list(NAMES)


def test_the_keys_of_a_webhooks_body_are_those_there_are() -> None:
    rows = table(read(PAGE), "key of the body")
    assert [only_code(name) for name, _ in rows] == list(whole_body(message("failure")))


def test_the_lines_of_a_message_are_those_there_are() -> None:
    described = {name for row in table(read(PAGE), "line") for name in code(row[0])}
    source = (ROOT / "jeeves_runner/core/alerts/compose.py").read_text(encoding="utf-8")
    assert described == set(re.findall(r'\bFact\("([^"]+)"', source)) - {"Output"}


def test_the_final_answers_of_slack_are_those_there_are() -> None:
    described = [word for row in table(read(PAGE), "Slack answers") for word in code(row[0])]
    assert sorted(described) == sorted(FINAL)


# Templates for services


def _template(tmp_path: Any, name: str) -> Any:
    """That of the page, as the program reads it."""
    (block,) = [each for each in blocks(DOCS / "reference/webhook-templates.md") if each.info[2:] == (name,)]
    (tmp_path / "jeeves-runner.yaml").write_text(block.text)
    return load_config(tmp_path, None).notifications.webhooks[name].template


def _longest() -> Any:
    """A message with more of everything than a service takes."""
    return message("failure")._replace(output="\N{SNOWMAN}" * 3 * MAX_TEXT)


MESSAGES = [*(pytest.param(message(name), id=name) for name in FACTS), pytest.param(_longest(), id="longest")]


@pytest.mark.parametrize("told", MESSAGES)
def test_discord_takes_what_its_template_makes(tmp_path: Any, told: Any) -> None:
    body = body_of(_template(tmp_path, "discord"), told)
    (embed,) = body["embeds"]
    assert 0 < len(body["content"]) <= 2_000
    assert len(embed["description"]) <= 4_096
    assert embed["footer"]["text"]
    assert body["allowed_mentions"] == {"parse": []}


@pytest.mark.parametrize("told", MESSAGES)
def test_pagerduty_takes_what_its_template_makes(tmp_path: Any, told: Any) -> None:
    body = body_of(_template(tmp_path, "pagerduty"), told)
    assert body["event_action"] in ("trigger", "resolve")
    assert 0 < len(body["dedup_key"]) <= 255
    assert 0 < len(body["payload"]["summary"]) <= 1_024
    assert body["payload"]["severity"] in ("critical", "error", "warning", "info")
    assert body["payload"]["source"]


def test_pagerduty_resolves_the_incident_that_it_opened(tmp_path: Any) -> None:
    template = _template(tmp_path, "pagerduty")
    opened, again, over = (body_of(template, message(name)) for name in ("failure", "reminder", "recovered"))
    assert opened["dedup_key"] == again["dedup_key"] == over["dedup_key"]
    assert [each["event_action"] for each in (opened, again, over)] == ["trigger", "trigger", "resolve"]


@pytest.mark.parametrize("told", MESSAGES)
def test_teams_gets_an_adaptive_card(tmp_path: Any, told: Any) -> None:
    body = body_of(_template(tmp_path, "teams"), told)
    (attachment,) = body["attachments"]
    assert body["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"]["type"] == "AdaptiveCard"
    title, text = attachment["content"]["body"]
    assert title["inlines"][0]["text"] == told.title
    assert text["codeSnippet"] == text["fallback"]["text"]


@pytest.mark.parametrize("told", MESSAGES)
@pytest.mark.parametrize(("name", "key"), [("ntfy", "title"), ("mattermost", "text")])
def test_ntfy_and_mattermost_get_the_title(tmp_path: Any, name: str, key: str, told: Any) -> None:
    assert told.title in body_of(_template(tmp_path, name), told)[key]
