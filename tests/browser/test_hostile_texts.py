"""Whatever people, scripts and repositories write, pages show it as text: none of it is run or becomes a part
of the page. A browser tells of what it was kept from by the policy of pages, and no page may make it."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

import apsw
import pytest
from playwright.sync_api import expect
from support.browser import Viewer
from support.server import Server, database, save, serving

from jeeves_runner.dashboard.routes import PAGES

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

EVIL: Final = (
    """'"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script></script></pre></textarea>"""
    """</title></svg></dialog><b class="evil">javascript:alert(1){{ 7 * 7 }}</b>"""
)
_IN_YAML: Final = json.dumps(EVIL)

MANIFEST: Final = f"""
queues: [{{id: evil, description: {_IN_YAML}, max_attempts: 1}}]
nodes: [{{id: evil, kind: datastore, description: {_IN_YAML}, owner: {_IN_YAML}}}]
jobs:
  - id: evil
    name: {_IN_YAML}
    description: {_IN_YAML}
    owner: {_IN_YAML}
    schedule: "@hourly"
    writes: [datastore:evil, queue:evil]
    command: [sh, -c, 'printf "%s\\n" "$JR_PARAM_TEXT" "$0"; printf "%s\\n" "$0" >&2; exit 3', {_IN_YAML}]
    timeout: 1m
    params:
      text: {{default: {_IN_YAML}, description: {_IN_YAML}, enum: [{_IN_YAML}, b]}}
      long: {{default: {json.dumps(EVIL + chr(10) + EVIL)}}}
"""

BROKEN: Final = f"schedule: {_IN_YAML}\nrun: echo {EVIL.replace(chr(34), '')!r}\n{_IN_YAML}: 1\n"

INTACT: Final = "[window.hacked, document.querySelectorAll('.evil, main img').length]"

SET_BY_HAND: Final = (
    "UPDATE runs SET message = :evil, origin = :evil, result_meta = :json WHERE job_id = 'evil'",
    "UPDATE revisions SET subject = :evil, author = :evil",
    "UPDATE audit SET detail = :evil, origin = :evil WHERE id % 2",
    "UPDATE audit SET actor = :evil, target = :evil, action = :evil WHERE id % 2 = 0",
    "UPDATE overrides SET created_by = :evil",
    "UPDATE queues SET paused_by = :evil",
    "UPDATE incidents SET subject = :evil, facts = :json",
    "INSERT INTO state (namespace, key, value, updated_at) VALUES (:evil, :evil, :json, :at)",
    (
        "INSERT INTO state_items (namespace, key, item_key, value, updated_at)"
        " VALUES (:evil, :evil, :evil, :json, :at)"
    ),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("evil")
    (root / "jeeves-runner.yaml").write_text("port: 0\nnotifications: {default_on_failure: ['webhook:ops'],")
    with (root / "jeeves-runner.yaml").open("a") as config:
        config.write(" webhooks: {ops: {url: 'http://127.0.0.1:1'}}}\n")
    (root / "jobs.d").mkdir()
    save(root, "evil.yaml", MANIFEST)
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", EVIL]):
        who = [
            "-c",
            f"user.name={EVIL.replace('<', '').replace('>', '')}",
            "-c",
            "user.email=evil@example.com",
        ]
        subprocess.run(["git", *who, *words], cwd=root, check=True)
    with serving(root) as served:
        _fill(served, root)
        yield served


def _fill(served: Server, root: Path) -> None:
    run = served.post("/jobs/evil/run")[1]["result"]
    assert run["status"] == "error"
    assert EVIL in run["stdout"]
    served.post("/jobs/evil/run", {"params": {"text": EVIL}})
    served.post("/queues/evil/items", {"payloads": [{EVIL: EVIL}, EVIL]})
    [item] = served.post("/queues/evil/claim")[1]["items"]
    failed = {"lease_token": item["lease_token"], "error": EVIL}
    served.post(f"/queues/evil/items/{item['id']}/fail", failed)
    for path in ("/jobs/evil/pause", "/jobs/evil/mute", "/queues/evil/pause"):
        assert served.post(path, {"until": "1h", "reason": EVIL})[0] == 200
    assert served.post("/jobs/evil/skip", {"reason": EVIL})[0] in (200, 409)
    (root / "jobs.d" / f"{EVIL.replace('/', '')[:100]}.yaml").write_text(BROKEN)
    with closing(apsw.Connection(str(database(root)))) as conn:
        conn.set_busy_timeout(30_000)
        values = {"evil": EVIL, "json": json.dumps({EVIL: EVIL}), "at": "2026-01-01T00:00:00.000Z"}
        for statement in SET_BY_HAND:
            conn.execute(statement, values)


def _paths() -> Iterator[str]:
    name = quote(EVIL, safe="")
    values = {
        "{job}": "evil",
        "{run}": "1",
        "{queue}": "evil",
        "{item}": "1",
        "{namespace}": name,
        "{key}": name,
        "{revision}": "1",
    }
    for page in PAGES:
        if page.method != "GET" or page.path.startswith("/static"):
            continue
        path = page.path
        for value, given in values.items():
            path = path.replace(value, given)
        yield path
    yield "/jobs/evil/act?like=2"
    for path in (
        "/login?next=",
        "/jobs?q=",
        "/runs?job=",
        "/queues?text=",
        "/audit?actor=",
        "/graph?around=",
    ):
        yield path + name
    yield f"/jobs/evil?at={name}"
    yield f"/{name}"
    yield f"/jobs?{name}={name}"
    yield f"/jobs/{name}"
    yield f"/queues/evil?before={name}"


def test_texts_stay_texts_on_every_page(server: Server, look: Look) -> None:
    viewer = look(server.url)
    page = viewer.context.new_page()
    shown = []
    for path in _paths():
        page.goto(path, wait_until="load")
        assert page.evaluate(INTACT) == [None, 0], path
        if "{{ 7 * 7 }}" in page.locator("body").inner_text():
            shown.append(path)
    assert len(shown) > 20, shown
    assert any("404" in each or "400" in each for each in viewer.complaints)  # what is not there
    viewer.forgive()


def test_texts_stay_texts_where_scripts_show_them(server: Server, look: Look) -> None:
    page = look(server.url).open("/runs/1")
    expect(page.locator("#log")).to_contain_text("</textarea>")
    assert page.evaluate(INTACT) == [None, 0]
    page.goto("/jobs")
    page.locator("#job-evil a.more").click()
    for act in ("run", "resume", "unmute", "skip", "unskip"):
        link = page.locator(f".choose a[href='#act-{act}']")
        if link.count():
            link.click()
            page.keyboard.press("Escape")
            page.locator("#job-evil a.more").click()
    page.locator(".choose a[href='#act-unmute']").click()
    page.get_by_role("button", name="Unmute").click()
    expect(page.locator(".note")).to_contain_text("The mute of evil has ended.")
    assert page.evaluate(INTACT) == [None, 0]
