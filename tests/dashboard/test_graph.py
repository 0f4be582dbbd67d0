"""The page of the graph: the picture, the same as a tree, and one node with what is around it."""

from datetime import timedelta
from pathlib import Path

import pytest
from support.api import Api, with_api
from support.ledger import Ledger
from support.pages import Page, page

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.edge_spec import After


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runner.sqlite")
    made.declare_queue("mail", file="jobs.d/mail.yaml", line=2, revision_id=made.revision)
    made.add_job("fetch", reads=("source:<inbox>",), writes=("queue:mail",), uses=("auth:key",))
    made.add_job("sort", reads=("queue:mail", "datastore:rules"), writes=("datastore:rules",))
    made.add_job("report", after=After(jobs=("sort",)))
    made.add_job("alone")
    made.add_node("datastore:rules", description="How mails are sorted", owner="ann")
    return made


def shown(ledger: Ledger, path: str = "/graph") -> Page:
    async def scenario(api: Api) -> Page:
        return await page(api, path)

    return with_api(ledger, scenario)


def test_each_node_is_a_box_and_each_tie_a_line(ledger: Ledger) -> None:
    ledger.add_run("sort", "error")
    found = shown(ledger)
    assert found.html.count('class="box') == 7
    assert 'id="node-process:sort" class="box bad process" href="/graph?around=process%3Asort"' in found.html
    assert "fetch → queue:mail: writes" in found.text
    assert "source:&lt;inbox&gt; → fetch: reads" in found.html
    assert 'class="line starts"' in found.html
    assert found.html.count("line data back") + found.html.count("line data") >= 3
    assert 'class="line data back"' in found.html
    assert "datastore:rules: datastore How mails are sorted looked after by ann" in found.text


def test_the_same_stands_there_as_a_tree(ledger: Ledger) -> None:
    found = shown(ledger)
    tree = found.text.partition("As a tree")[2]
    assert tree.strip().startswith(
        "source:<inbox> source, undeclared fetch reads; idle queue:mail writes; queue, empty sort reads; idle"
    )
    assert "Cycles process:sort → datastore:rules → process:sort" in tree
    assert "Tied to nothing alone idle" in tree


def test_a_node_is_shown_with_what_is_around_it(ledger: Ledger) -> None:
    found = shown(ledger, "/graph?around=fetch")
    assert found.html.count('class="box') == 4
    assert "What a change of it reaches: 4" in found.text
    assert '<a href="/jobs/fetch">Its page</a>' in found.html
    assert 'class="box quiet process chosen" href="/jobs/fetch"' in found.html
    assert shown(ledger, "/graph?around=fetch&distance=2").html.count('class="box') == 5
    reached = shown(ledger, "/graph?impact=queue:mail")
    assert "datastore:rules" in reached.text
    assert "auth:key" not in reached.text.partition("The whole graph")[2]
    assert '<a href="/queues/mail">Its page</a>' in reached.html


def test_data_and_keys_say_how_they_are(ledger: Ledger) -> None:
    ledger.add_node("datastore:rules", fresh_within_ms=60_000)
    today = SystemClock().now().date()
    for name, expires in (
        ("key", today + timedelta(days=3)),
        ("old", today - timedelta(days=1)),
        ("long", "2999-01-01"),
        ("odd", "soon"),
    ):
        ledger.add_node(f"auth:{name}", expires=str(expires))
    text = shown(ledger).text
    assert "rules datastore, stale" in text
    assert "auth:key auth, 3 days left" in text
    assert "auth:old auth, has expired" in text
    assert "auth:long auth, to 2999-01-01" in text
    assert "auth:odd auth" in text


def test_an_unknown_node_is_told_with_the_nearest(ledger: Ledger) -> None:
    found = shown(ledger, "/graph?around=fetsh")
    assert found.status == 200
    assert "there is no node fetsh did you mean fetch?" in found.text
    assert 'value="fetsh"' in found.html
    assert shown(ledger, "/graph?around=a&impact=b").status == 400
    assert shown(ledger, "/graph?around=&distance=1").html.count('class="box') == 7


def test_a_large_graph_is_drawn_near_what_is_wrong(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runner.sqlite")
    for number in range(400):
        ledger.add_job(f"job-{number:03}", writes=(f"datastore:d{number:03}",))
    ledger.add_run("job-399", "error")
    found = shown(ledger)
    assert "300 of 800 nodes are drawn: those near what is wrong" in found.text
    assert 'id="node-process:job-399"' in found.html
    assert found.html.count('class="box') == 300
    assert found.text.partition("As a tree")[2].count("datastore:d") == 150


def test_there_is_nothing_yet(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runner.sqlite")
    assert "There are no jobs, queues and nodes yet." in shown(ledger).text
    ledger.add_job("alone")
    assert "Nothing here is tied to anything." in shown(ledger).text
