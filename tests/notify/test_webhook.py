"""Webhooks over real HTTP: what they get, how it is signed, and what their answers mean."""

import asyncio
import hashlib
import hmac
import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.receiver import receiver

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.alerts.message import Attachment, Fact, Message
from jeeves_runner.core.alerts.whole_text import of_text
from jeeves_runner.notify.contract import NotSent, Rejected
from jeeves_runner.notify.token import Place, Token
from jeeves_runner.notify.webhook import Webhook

MESSAGE = Message(
    "db/1",
    "bad",
    'backup failed: "exit" code 3',
    (Fact("Owner", "ops"),),
    "no space\nleft",
    command="logs 7",
    job="backup",
    cause="failure",
    said="opened",
    incident="db/incident-5",
    runner="db1:/srv/jobs",
)


def token(text: str) -> Token:
    place = Place("notifications.webhooks.ops.url", None, "X", is_for_header=False)
    return Token(place, {"X": text})


def send(url: str, message: Message = MESSAGE, *, secret: str | None = None, template: Any = None) -> None:
    key = None if secret is None else token(secret)
    hook = Webhook("ops", token(url), key, template, SystemClock())
    asyncio.run(hook.send(message, thread=None, tried_at=None))


def test_it_gets_the_whole_message_as_json() -> None:
    with receiver() as found:
        send(found.url)
    ((headers, data),) = found.got
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "db/1"
    assert "webhook-signature" not in headers
    assert json.loads(data) == {
        "alert_id": "db/1",
        "incident": "db/incident-5",
        "said": "opened",
        "cause": "failure",
        "job": "backup",
        "tone": "bad",
        "title": 'backup failed: "exit" code 3',
        "facts": [{"name": "Owner", "value": "ops"}],
        "output": "no space\nleft",
        "items": [],
        "command": "logs 7",
        "link": None,
        "runner": "db1:/srv/jobs",
    }


@pytest.mark.parametrize("secret", ["plain-key", "whsec_" + b64encode(b"binary \xff key").decode()])
def test_the_signature_covers_id_time_and_body(secret: str) -> None:
    with receiver() as found:
        send(found.url, secret=secret)
    ((headers, data),) = found.got
    key = b"binary \xff key" if secret.startswith("whsec_") else b"plain-key"
    signed = b"db/1." + headers["webhook-timestamp"].encode() + b"." + data
    right = b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{right}"
    age = datetime.now(UTC) - datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    assert abs(age) < timedelta(minutes=5)


def test_a_template_makes_the_body_and_cannot_be_broken_out_of() -> None:
    template = {"content": "{{ title }}\n{{ text }}", "list": ["{{job}}", 3, None], "bad": "{{ nothing }}"}
    with receiver() as found:
        send(found.url, template=template)
    assert json.loads(found.got[0][1]) == {
        "content": 'backup failed: "exit" code 3\nOwner: ops\n\nno space\nleft\n\nlogs 7',
        "list": ["backup", 3, None],
        "bad": "",
    }


def test_of_what_would_be_uploaded_the_end_is_in_the_body() -> None:
    lines = "".join(f"line {number}\n" for number in range(100_000))
    long = MESSAGE._replace(output=None, attachment=Attachment("a.txt", of_text(lines)))
    with receiver() as found:
        send(found.url, long, template={"output": "{{ output }}", "text": "{{ text }}"})
        send(found.url, long)
    filled, whole = (json.loads(body) for _, body in found.got)
    for shown, most in ((filled["output"], 4_000), (whole["output"], 65_536)):
        mark, _, end = shown.partition("\n")
        assert (most - 100 < len(shown) <= most, lines.endswith(end)) == (True, True)
        assert mark == f"… {len(lines) - len(end):,} characters cut"
    text = filled["text"]
    assert 3_800 < len(text) <= 4_000
    assert (text.startswith("Owner: ops\n\n… "), text.endswith("line 99999\n\nlogs 7")) == (True, True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 422, 301, 307])
def test_a_refusal_is_final_and_says_where_to_look(status: int) -> None:
    with receiver() as found:
        found.status, found.body, found.headers = status, b"not so", {"Location": found.url}
        with pytest.raises(Rejected, match=f"{status}.*not so") as caught:
            send(found.url)
    assert "notifications.webhooks.ops" in caught.value.hint
    assert "secret-path" not in str(caught.value) + caught.value.hint
    assert len(found.got) == 1


@pytest.mark.parametrize(
    ("status", "may_have_arrived"), [(429, False), (503, False), (408, False), (500, True), (502, True)]
)
def test_what_passes_is_tried_again_and_heeds_what_it_is_told(status: int, may_have_arrived: bool) -> None:
    with receiver() as found:
        found.status, found.headers = status, {"Retry-After": "7"}
        with pytest.raises(NotSent, match=str(status)) as caught:
            send(found.url)
    assert (caught.value.retry_after, caught.value.may_have_arrived) == (7, may_have_arrived)


def test_one_that_is_not_there_has_got_nothing_and_is_not_named() -> None:
    with receiver() as found:
        pass
    with pytest.raises(NotSent, match="cannot be reached") as caught:
        send(found.url)
    assert not caught.value.may_have_arrived
    assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize("url", ["no-url", "ftp://x/y", "http://", "http://[x/"])
def test_an_address_that_is_none_is_final(url: str) -> None:
    with pytest.raises(Rejected) as caught:
        send(url)
    assert "notifications.webhooks.ops" in caught.value.hint


def test_an_answer_that_repeats_the_address_does_not_give_it_away() -> None:
    with receiver() as found:
        found.status = 404
        found.body = b"Cannot POST /secret-path/T0123456 with key=k3y-0f-mine"
        with pytest.raises(Rejected) as caught:
            send(f"{found.url}/T0123456?key=k3y-0f-mine")
    assert "Cannot POST" in caught.value.message
    for secret in ("secret-path", "T0123456", "k3y-0f-mine"):
        assert secret not in caught.value.message


def test_an_answer_that_is_cut_within_an_address_does_not_give_a_part_of_it_away() -> None:
    with receiver() as found:
        found.status = 404
        found.body = b"no" + b" " * 4_085 + b"secret-path/T0123456?key=k3y-0f-mine"
        with pytest.raises(Rejected) as caught:
            send(f"{found.url}/T0123456?key=k3y-0f-mine")
    assert "answers 404: no" in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("secret", ["whsec_no-base64!", "whsec_", "whsec_YQ"])
def test_a_key_that_says_to_be_base64_and_is_not_signs_nothing(secret: str) -> None:
    with receiver() as found, pytest.raises(Rejected, match="whsec_") as caught:
        send(found.url, secret=secret)
    assert not found.got
    assert "notifications.webhooks.ops.secret_path" in caught.value.hint
    assert "no-base64" not in caught.value.message + caught.value.hint


# Secrets of a template


def test_a_secret_stands_where_the_template_names_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    named = {"key": Token(Place("x", path, is_for_header=False), {}), "other": token("of the environment")}
    template = {"routing_key": "{{ secrets.key }}", "auth": "Bearer {{secrets.other}}: {{ title }}"}
    told = MESSAGE._replace(title="{{ secrets.key }}")
    with receiver() as found:
        hook = Webhook("ops", token(found.url), None, template, SystemClock(), named=named)
        for secret in ("hunter2", "hunter3"):
            path.write_text(f"{secret}\n")
            asyncio.run(hook.send(told, thread=None, tried_at=None))
    assert [json.loads(body) for _, body in found.got] == [
        {"routing_key": secret, "auth": "Bearer of the environment: {{ secrets.key }}"}
        for secret in ("hunter2", "hunter3")
    ]


def test_a_secret_that_a_service_repeats_is_not_given_away() -> None:
    with receiver() as found:
        found.status, found.body = 400, b'{"unknown key": "hunter2\\"and more"}'
        hook = Webhook(
            "ops",
            token(found.url),
            None,
            {"key": "{{ secrets.key }}"},
            SystemClock(),
            named={"key": token('hunter2"and more')},
        )
        with pytest.raises(Rejected, match="unknown key") as caught:
            asyncio.run(hook.send(MESSAGE, thread=None, tried_at=None))
    assert "hunter2" not in caught.value.message


def test_nothing_is_sent_without_a_secret_that_the_template_names(tmp_path: Path) -> None:
    place = Place("notifications.webhooks.ops.secrets.key", tmp_path / "key", is_for_header=False)
    with receiver() as found:
        named = {"key": Token(place, {})}
        hook = Webhook("ops", token(found.url), None, {"a": "x"}, SystemClock(), named=named)
        with pytest.raises(Rejected, match=r"secrets\.key`.*No such file"):
            asyncio.run(hook.send(MESSAGE, thread=None, tried_at=None))
    assert not found.got
