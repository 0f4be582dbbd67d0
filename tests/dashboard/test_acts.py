"""The forms by which people act: what they say, what they send, and who gets to see them."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
from support.api import Api, shell_job, with_api
from support.ledger import Ledger
from support.pages import Page, cookie, page, send

from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.model import OverlapPolicy, Param, ParamType
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.schedule_entry import entries_of
from jeeves_runner.dashboard.param_fields import param_fields
from jeeves_runner.db import tokens

ME: Final = Actor("cli", "me")
EVIL: Final = '"><script>alert(1)</script>'


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "runner.sqlite")
    shell_job(made, "greet", "echo hello", schedule=entries_of(["@daily"]))
    yield made
    made.conn.close()


class Forms(HTMLParser):
    """The forms of a page that act, by their ids, and the fields of each by name."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str | None]] = {}
        self.fields: dict[str, dict[str, dict[str, str | None]]] = {}
        self._here = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._here = given.get("id") or ""
            if "data-act" in given:
                self.forms[self._here] = given
                self.fields[self._here] = {}
        elif self._here in self.fields and given.get("name"):
            self.fields[self._here].setdefault(given["name"] or "", given)


async def acts(api: Api, path: str) -> tuple[Page, Forms]:
    shown = await page(api, path)
    assert shown.status == 200, shown.text
    return shown, Forms(shown.html)


def sent(form: dict[str, str | None]) -> dict[str, Any]:
    """What it sends besides its fields."""
    body: dict[str, Any] = json.loads(form.get("data-body") or "{}")
    return body


def test_a_job_is_run_paused_skipped_and_muted_by_the_routes_of_the_api(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        _, found = await acts(api, "/jobs/greet/act")
        assert list(found.forms) == ["act-run", "act-pause", "act-skip", "act-mute"]
        when = found.fields["act-skip"]["time"]["value"]
        for key, body in (
            ("act-skip", {"time": when, "reason": "move"}),
            ("act-pause", {"until": "2h", "reason": EVIL}),
            ("act-mute", {"until": "30m", "reason": EVIL}),
        ):
            assert set(body) <= set(found.fields[key])
            assert (await api.post(found.forms[key]["data-path"] or "", body)).status == 200
        shown, found = await acts(api, "/jobs/greet/act")
        assert list(found.forms) == ["act-run", "act-resume", "act-skip", "act-unskip", "act-unmute"]
        assert found.fields["act-unskip"]["time"]["value"] == when
        assert "Only a forced run starts" in shown.text
        assert EVIL in shown.text
        for key in ("act-resume", "act-unmute"):
            assert (await api.post(found.forms[key]["data-path"] or "", {})).status == 200
        assert (await api.post("/jobs/greet/unskip", {"time": when})).status == 200
        asked = await api.post(found.forms["act-run"]["data-path"] or "", {})
        assert asked.status in (200, 202)
        _, found = await acts(api, "/jobs/greet/act")
        assert list(found.forms) == ["act-run", "act-pause", "act-skip", "act-mute"]

    with_api(ledger, scenario)


def test_a_skip_of_what_does_not_occur_any_more_is_taken_back_and_no_run_is_promised(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        assert (await api.post("/jobs/greet/skip", {"reason": "move"})).status == 200
        shell_job(ledger, "greet", "echo hello", schedule=entries_of(["0 13 * * *"]))
        assert (await api.post("/jobs/greet/pause", {"until": "2h"})).status == 200
        shown, found = await acts(api, "/jobs/greet/act")
        form = found.forms["act-unskip"]
        assert form["data-told"] == "The skip of greet at {sent.time} is taken back."
        assert ", at which it does not occur any more: move" in shown.text
        assert "what its schedule has before that does not run" in shown.text
        told = {"time": found.fields["act-unskip"]["time"]["value"]}
        assert (await api.post(form["data-path"] or "", told)).status == 200

    with_api(ledger, scenario)


def test_what_ends_for_a_job_while_it_holds_for_all_promises_nothing(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        for path, body in (("/pause", {"until": "2h"}), ("/mute", {"until": "2h"})):
            assert (await api.post(path, body)).status == 200
            assert (await api.post(f"/jobs/greet{path}", {"until": "3h"})).status == 200
        shown, found = await acts(api, "/jobs/greet/act")
        assert found.forms["act-resume"]["data-told"] == "The pause of greet has ended."
        assert found.forms["act-unmute"]["data-told"] == "The mute of greet has ended."
        assert "All jobs are paused, too: it starts no sooner than that ends." in shown.text
        assert "is told once the mute of everything has ended, too." in shown.text

    with_api(ledger, scenario)


def test_the_form_of_a_run_is_made_of_what_the_job_declares(ledger: Ledger) -> None:
    params = (
        Param(name="order", required=True, pattern="[A-Z]+", description=EVIL),
        Param(name="count", type=ParamType.INTEGER, default="9007199254740993"),
        Param(name="how", enum=("fast", EVIL), default="fast"),
        Param(name="dry", type=ParamType.BOOLEAN),
        Param(name="token", secret=True),
        Param(name="text", default=f"one\ntwo{EVIL}"),
    )
    shell_job(ledger, "export", "true", params=params)
    run = ledger.add_run("export", params=json.dumps({"order": "ABC", "count": "7", "token": None}))

    async def scenario(api: Api) -> None:
        shown, found = await acts(api, "/jobs/export/act")
        fields = found.fields["act-run"]
        assert list(fields) == [*(f"params.{each.name}" for each in params), "force"]
        assert "required" in fields["params.order"]
        assert "pattern" not in fields["params.order"]
        assert fields["params.count"]["value"] == "9007199254740993"
        assert fields["params.count"]["data-default"] == "9007199254740993"
        assert fields["params.token"]["type"] == "password"
        assert fields["params.text"]["data-default"] == f"one\ntwo{EVIL}"
        assert EVIL in shown.text
        _, found = await acts(api, f"/jobs/export/act?like={run}")
        fields = found.fields["act-run"]
        assert fields["params.order"]["value"] == "ABC"
        assert fields["params.count"]["value"] == "7"
        assert fields["params.token"]["value"] == ""
        other, _ = await acts(api, f"/jobs/greet/act?like={run}")
        assert "ABC" not in other.text
        assert (await page(api, "/jobs/export/act?like=999")).status == 404

    with_api(ledger, scenario)


@pytest.mark.parametrize(
    ("policy", "active", "rule"),
    [
        ("skip", {}, "another one is skipped, unless it is forced"),
        ("allow", {}, "runs start beside one another"),
        ("queue", {}, "one run waits for the other, further ones are skipped, unless they are forced"),
        ("replace", {}, "a new run that is not forced takes the place of the other: that is cancelled"),
        ("skip", {"backfill_id": 1}, "unless it is forced; runs of a backfill are waited for"),
        ("allow", {"backfill_id": 1}, "runs start beside one another"),
    ],
)
def test_the_rule_for_a_run_beside_another_one_is_said(
    ledger: Ledger, policy: str, active: dict[str, object], rule: str
) -> None:
    shell_job(ledger, "once", "true", overlap_policy=OverlapPolicy(policy))
    if active:
        ledger.add_backfill("once")
    run = ledger.add_run("once", "scheduled", not_before="2100-01-01T00:00:00.000Z", **active)

    async def scenario(api: Api) -> None:
        text = (await acts(api, "/jobs/once/act"))[0].text
        assert f"Run {run} is waiting. By overlap_policy: {policy} " in text
        assert f"{rule}." in text

    with_api(ledger, scenario)


def test_a_secret_is_never_in_the_form() -> None:
    declared = [Param(name="key", secret=True, default="hunter2", enum=("hunter2", "hunter3"))]
    [field] = param_fields(declared, {"key": "hunter4"})
    assert "hunter" not in repr(field)
    assert field.is_secret


def test_a_run_is_cancelled_while_it_runs_or_waits(ledger: Ledger) -> None:
    waits = ledger.add_run("greet", "scheduled", not_before="2100-01-01T00:00:00.000Z")
    ended = ledger.add_run("greet", "ok")

    async def scenario(api: Api) -> None:
        shown, found = await acts(api, f"/runs/{waits}/act")
        assert "It waits, and will not start." in shown.text
        assert f'href="/runs/{waits}/act"' in (await page(api, f"/runs/{waits}")).html
        assert (await api.post(found.forms["act-cancel"]["data-path"] or "", {})).status == 202
        assert "There is nothing to cancel." in (await acts(api, f"/runs/{ended}/act"))[0].text
        assert f"/jobs/greet/act?like={ended}#act-run" in (await page(api, f"/runs/{ended}")).html

    with_api(ledger, scenario)


def test_a_queue_is_paused_and_its_dead_letters_are_retried(ledger: Ledger) -> None:
    ledger.declare_queue("mail", max_attempts=1)

    async def scenario(api: Api) -> None:
        await api.post("/queues/mail/items", {"payloads": [EVIL, 2]})
        for _ in range(2):
            [item] = (await api.post("/queues/mail/claim")).body["items"]
            failed = {"lease_token": item["lease_token"], "error": EVIL}
            await api.post(f"/queues/mail/items/{item['id']}/fail", failed)
        shown = await page(api, "/queues/mail")
        assert 'href="/queues/mail/items/1/act#act-retry"' in shown.html
        assert 'href="/queues/mail/items/1/act#act-delete"' in shown.html
        assert "Retry dead letters" in shown.text
        shown, found = await acts(api, "/queues/mail/items/1/act")
        assert EVIL in shown.text
        form = found.forms["act-retry"]
        assert (await api.post(form["data-path"] or "", sent(form))).body == {"retried": 1, "left": 0}
        _, found = await acts(api, "/queues/mail/act")
        form = found.forms["act-retry"]
        assert (await api.post(form["data-path"] or "", sent(form))).body == {"retried": 1, "left": 0}
        assert (await api.post(found.forms["act-pause"]["data-path"] or "", {"reason": EVIL})).status == 200
        shown, found = await acts(api, "/queues/mail/act")
        assert list(found.forms) == ["act-resume"]
        assert EVIL in shown.text
        assert (await api.post(found.forms["act-resume"]["data-path"] or "", {})).status == 200
        assert (await page(api, "/queues/none/act")).status == 404
        assert (await page(api, "/queues/mail/items/99/act")).status == 404

    with_api(ledger, scenario)


def test_an_item_is_deleted_where_it_is_not_worked_on(ledger: Ledger) -> None:
    ledger.declare_queue("mail", max_attempts=1)

    async def scenario(api: Api) -> None:
        await api.post("/queues/mail/items", {"payloads": [1, 2]})
        assert "#act-retry" not in (await page(api, "/queues/mail?item=2")).html
        assert "#act-delete" in (await page(api, "/queues/mail?item=2")).html
        [item] = (await api.post("/queues/mail/claim")).body["items"]
        assert "/act#" not in (await page(api, f"/queues/mail?item={item['id']}")).html
        shown, found = await acts(api, f"/queues/mail/items/{item['id']}/act")
        assert "cannot be deleted before that has ended" in shown.text
        assert list(found.forms) == ["act-delete"]
        _, found = await acts(api, "/queues/mail/items/2/act")
        form = found.forms["act-delete"]
        assert form["data-gone"] == "/queues/mail?item=2"
        asked = await api.ask(form["data-method"] or "", form["data-path"] or "", {})
        assert (asked.status, asked.body) == (200, {"deleted": {"pending": 1}})
        assert (await page(api, "/queues/mail?item=2")).status == 404

    with_api(ledger, scenario)


def test_the_runner_is_asked_to_look(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        _, found = await acts(api, "/act")
        assert (await api.post(found.forms["act-reconcile"]["data-path"] or "", {})).status == 202
        assert 'href="/act#act-reconcile"' in (await page(api, "/sync")).html

    with_api(ledger, scenario)


def test_all_jobs_are_paused_and_muted_at_once(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        _, found = await acts(api, "/act")
        assert list(found.forms) == ["act-pause", "act-mute", "act-reconcile"]
        for place in ("/", "/jobs"):
            before = await page(api, place)
            assert 'href="/act#act-pause"' in before.html, place
            assert 'href="/act#act-mute"' in before.html, place
            assert "All jobs are paused" not in before.text, place
        for key in ("act-pause", "act-mute"):
            body = {"until": "2h", "reason": EVIL}
            assert set(body) <= set(found.fields[key])
            assert (await api.post(found.forms[key]["data-path"] or "", body)).status == 200
        for place in ("/", "/jobs"):
            shown = await page(api, place)
            assert "All jobs are paused until" in shown.text, place
            assert "Everything is muted until" in shown.text, place
            assert EVIL in shown.text, place
            assert 'href="/act#act-resume"' in shown.html, place
            assert 'href="/act#act-unmute"' in shown.html, place
        assert 'href="/act#act-unmute"' in (await page(api, "/alerts")).html
        shown, found = await acts(api, "/act")
        assert list(found.forms) == ["act-resume", "act-unmute", "act-reconcile"]
        assert EVIL in shown.text
        for key in ("act-resume", "act-unmute"):
            assert (await api.post(found.forms[key]["data-path"] or "", {})).status == 200
        assert list((await acts(api, "/act"))[1].forms) == ["act-pause", "act-mute", "act-reconcile"]

    with_api(ledger, scenario)


@pytest.mark.parametrize("path", ["/act", "/jobs/greet/act", "/runs/1/act", "/queues/mail/act"])
def test_only_those_who_operate_get_forms(ledger: Ledger, path: str) -> None:
    ledger.declare_queue("mail")
    ledger.add_run("greet")
    with ledger.tx() as tx:
        tokens.create(tx, "ann", TokenRole.OPERATE, until=None, by=ME)
        reads = tokens.create(tx, "eve", TokenRole.READ, until=None, by=ME)

    async def scenario(api: Api) -> None:
        without = await page(api, path)
        assert without.status == 401
        assert f'name="next" value="{path}"' in without.html
        program = await page(api, path, Authorization=f"Bearer {reads}")
        assert program.status == 403
        assert "the token eve may read, and this takes the role operate" in program.text
        assert 'name="next"' not in program.html  # what it sends counts, also after a login
        reader = await page(api, path, **cookie(await send(api, "/login", {"token": reads})))
        assert reader.status == 403
        assert f'name="next" value="{path}"' in reader.html  # they may have another one
        strange = await page(api, path, Host="elsewhere.example")
        assert strange.status == 403
        assert 'name="next"' not in strange.html  # no token would help
        for place in ("/", "/jobs", "/runs/1", "/queues/mail", "/sync"):
            shown = await page(api, place)
            assert shown.status == 200
            assert "data-act" not in shown.html, place
            assert "act.css" not in shown.html, place

    with_api(ledger, scenario)
